"""The stop token does not train: what a response is a part of goes on. Yin et al.,
https://arxiv.org/abs/2507.17849.

  m_it = 0 at the last token of each response that was not truncated

for pairs of steps (DG-PRM): recorded solutions have a stop token behind them, and these
are prefixes of solutions that did not stop there. A truncated response has none.
"""

from jaxtyping import Array, Float

from jaxrl import masked


def without_stop(
  mask: Float[Array, "B T"], truncated: Float[Array, " B"]
) -> Float[Array, "B T"]:
  """The mask without stop tokens."""
  stopped = masked.last_token(mask) * (1 - truncated)[:, None]
  return mask * (1 - stopped)

"""Entropy of the policy, added to what is maximised. A3C, https://arxiv.org/abs/1602.01783.

  L_t = -coefficient * H_t,  H_t = -sum_v pi(v) log pi(v)

H_t is the entropy of the whole distribution at token t, at the temperature of sampling,
so its gradient is exact, not estimated from the token drawn. The default coefficient is
the paper's for games; language models take 0.001 or less. TRL always averages this term
over tokens, whatever the reduction of its loss.
"""

from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def entropy_bonus(
  entropy: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  coefficient: float = 0.01,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token term, 0 where masked; the metric is the entropy itself."""
  value = masked.zero(entropy, mask)
  return -coefficient * value, {"entropy_bonus": value}

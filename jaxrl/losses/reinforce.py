"""REINFORCE: the plain policy gradient. Williams 1992, https://doi.org/10.1007/BF00992696.

  L_t = -A_t log pi

The baseline is part of the advantage. Nothing corrects for data of an older policy: one
update a batch, or a correction. GPG (https://arxiv.org/abs/2504.02546, verl's gpg) is
this loss with an advantage of its own.

`nll` is -log pi.
"""

from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def reinforce(
  logp: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  nll = masked.zero(-logp, mask)
  return masked.zero(advantages, mask) * nll, {"nll": nll}

"""The k1 estimator of KL(pi || ref), in the loss. Schulman, http://joschu.net/blog/kl-approx.html.

  L_t = coefficient * (log pi - log ref)

Its value is unbiased, of either sign. Its expected gradient on policy is zero: it is
grad log pi times a constant, so the reference plays no part and only noise is added. It
is here because libraries offer it; Liu et al., https://arxiv.org/abs/2510.01555, show
that it does not regularise. Use `kl`, or the reward `kl_penalty_k1`.
"""

from jaxtyping import Array, Float

from jaxrl import kl
from jaxrl.types import Metrics


def kl_k1(
  logp: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  coefficient: float = 0.001,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token term, 0 where masked."""
  value = kl.k1(logp, logp_ref, mask)
  return coefficient * value, {"kl_k1": value}

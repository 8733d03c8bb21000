"""GRPO's KL term: the k3 estimator, in the loss.

Shao et al., https://arxiv.org/abs/2402.03300, eq. 4.

  L_t = coefficient * (exp(d) - 1 - d),  d = log ref - log pi

Its value estimates KL(pi || ref). Its gradient does not: d/dtheta of it is
(1 - exp(d)) grad log pi, whose expectation on-policy is the gradient of KL(ref || pi).
The paper differentiates it so, and so does this term.
"""

from jaxtyping import Array, Float

from jaxrl import kl
from jaxrl.types import Metrics


def kl_k3(
  logp: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  coefficient: float = 0.04,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token term, 0 where masked."""
  value = kl.k3(logp, logp_ref, mask)
  return coefficient * value, {"kl_k3": value}

"""The k2 estimator of KL(pi || ref), in the loss. Schulman, http://joschu.net/blog/kl-approx.html.

  L_t = coefficient * (log pi - log ref)^2 / 2

Its value is biased (to second order it is right). Its expected gradient on policy is
exactly that of KL(pi || ref) given the tokens before: Liu et al.,
https://arxiv.org/abs/2510.01555. `kl` has the same gradient and an unbiased value.
"""

from jaxtyping import Array, Float

from jaxrl import kl
from jaxrl.types import Metrics


def kl_k2(
  logp: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  coefficient: float = 0.001,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token term, 0 where masked."""
  value = kl.k2(logp, logp_ref, mask)
  return coefficient * value, {"kl_k2": value}

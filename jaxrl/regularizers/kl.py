"""KL(pi || ref) with its own gradient. Liu et al., https://arxiv.org/abs/2510.01555.

  value     k3 = exp(d) - 1 - d,  d = log ref - log pi  (>= 0, unbiased)
  gradient  -d grad log pi, which is that of k2 = d^2 / 2

The two are joined with a stop-gradient. On policy the expected gradient at a token is
exactly that of KL(pi || ref) given the tokens before it, which that of k3 is not (see
`kl_k3`). What earlier tokens do to the prefixes of later ones is left out, as in
every KL term of a loss; the reward `kl_penalty_k1` counts it. Off policy, see
`kl_importance`. verl calls this "k3+". The paper sets no coefficient; the default is
verl's.
"""

from jaxtyping import Array, Float

from jaxrl import kl as estimators
from jaxrl import masked
from jaxrl.types import Metrics


def kl(
  logp: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  coefficient: float = 0.001,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token term, 0 where masked."""
  log_ratio = masked.log_ratio(logp, logp_ref, mask)
  value = estimators.k3(logp, logp_ref, mask)
  term = estimators.straight_through(value, log_ratio, log_ratio)
  return coefficient * term, {"kl": value}

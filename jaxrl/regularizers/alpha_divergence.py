"""Alpha-divergence to the reference. f-DPG, Go et al., https://arxiv.org/abs/2302.08215.

  value     (u^alpha - 1 - alpha (u - 1)) / (alpha (alpha - 1)),  u = ref / pi
  gradient  (1 - u^alpha) / alpha * grad log pi

In expectation over tokens of pi these are value and gradient of Amari's divergence
(E_pi[u^alpha] - 1) / (alpha (alpha - 1)): KL(pi || ref) as alpha goes to 0, 4 times the
squared Hellinger distance 1 - sum sqrt(pi ref) at 0.5, KL(ref || pi) as it goes to 1,
and more mass-covering beyond. alpha itself must be neither 0 nor 1 (use `kl` and
`forward_kl`) and within +-4, beyond which u^alpha overflows. On policy, given the
tokens before. Both defaults are assumptions.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import kl, masked
from jaxrl.types import Metrics


def alpha_divergence(
  logp: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  alpha: float = 0.5,
  coefficient: float = 0.01,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token term, 0 where masked."""
  log_ratio = masked.log_ratio(logp, logp_ref, mask)
  power = jnp.expm1(-alpha * log_ratio)  # u^alpha - 1
  value = (power - alpha * jnp.expm1(-log_ratio)) / (alpha * (alpha - 1))
  term = kl.straight_through(value, -power / alpha, log_ratio)
  return coefficient * term, {"alpha_divergence": value}

"""VESPO: a smooth kernel of the sequence's importance weight. Shen et al., https://arxiv.org/abs/2602.10693.

  W     = prod_t pi / mu of the row
  phi   = W^k exp(lambda (1 - W)),  k and lambda by the sign of A_t
  L_i,t = -sg(phi(W_i)) A_t log pi

mu is the policy that drew the row, sampler and staleness included, so no other
correction for the sampler belongs beside this loss (TRL and the authors' code multiply
theirs into W). Where the sampler truncates (top-p), mu is its renormalised
distribution. W is the whole product, without length normalisation: phi(1) = 1, and phi
falls on either side of W = k / lambda. The `_pos` pair serves A_t >= 0.

Kernel and constants follow the authors' code (FloyedShen/VESPO), as TRL's do, with
token log-ratios within +-20 and log W within (log 1e-8, 20); they floor lambda at 1e-4.
The sign is each token's; the authors take the first token's for the row.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics

_LOG_WEIGHT_MIN = -18.420681  # log 1e-8


def vespo(
  logp: Float[Array, "B T"],
  logp_sampling: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  k_pos: float = 2.0,
  lambda_pos: float = 3.0,
  k_neg: float = 3.0,
  lambda_neg: float = 2.0,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  log_ratio = masked.log_ratio(jax.lax.stop_gradient(logp), logp_sampling, mask)
  total = jnp.sum(log_ratio, axis=-1, keepdims=True)
  log_weight = jnp.clip(total, _LOG_WEIGHT_MIN, 20.0)
  advantages = masked.zero(advantages, mask)
  k = jnp.where(advantages >= 0, k_pos, k_neg)
  rate = jnp.where(advantages >= 0, lambda_pos, lambda_neg)
  # One exp of the sum: W^k alone may overflow where the product does not.
  phi = jnp.exp(k * log_weight + rate * (1 - jnp.exp(log_weight)))
  loss = masked.zero(-phi * advantages * masked.zero(logp, mask), mask)
  return loss, {"phi": masked.zero(phi, mask)}

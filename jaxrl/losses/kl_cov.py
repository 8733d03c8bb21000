"""KL-Cov: a penalty on the tokens of highest covariance. Cui et al., https://arxiv.org/abs/2505.22617.

  L_t = -r_t A_t + coefficient |log r_t|  where covariance_rank_t <= fraction
  L_t = -r_t A_t                          elsewhere,  r_t = pi / pi_old

Tokens of high covariance of advantage and log-probability are what lowers entropy: see
`covariance_rank`, made on the whole batch of an optimiser step. The penalty is |log r|
and not a KL, and there is no clip: both as in the authors' code and in verl, whose
defaults these are (its script for the paper has a coefficient of 1). Those take at
least one token a micro-batch; here none is under a fraction of less than one token.
At pi = pi_old the penalty has no gradient.

`kl_cov_fraction` counts penalised tokens.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def kl_cov(
  logp: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  covariance_rank: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  fraction: float = 2e-4,
  coefficient: float = 0.1,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  log_ratio = masked.log_ratio(logp, logp_old, mask)
  ratio = jnp.exp(log_ratio)
  top = (covariance_rank <= fraction) & (mask > 0)
  penalty = jnp.where(top, coefficient * jnp.abs(log_ratio), 0.0)
  loss = penalty - ratio * masked.zero(advantages, mask)
  metrics = {
    "ratio": masked.zero(ratio, mask),
    "kl_cov_fraction": jnp.where(top, 1.0, 0.0),
  }
  return masked.zero(loss, mask), metrics

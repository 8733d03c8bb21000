"""How far the sampler's distribution b is from the trainer's pi_old, by the batch.

With d = log(pi_old / b) of a trained token, S its sum over a response, and means over
trained tokens (t) or over the responses i that have some:

  sampler_kl_k1                mean_t -d, an estimate of KL(b || pi_old) of a token
  sampler_kl_k3                mean_t exp(d) - 1 - d, of the same and never negative
  sampler_chi_square           mean_t exp(2 d) - 1
  sampler_chi_square_sequence  mean_i exp(2 S) - 1
  sampler_ess                  (sum_i w_i)^2 / (n sum_i w_i^2),  w = exp(S)

Tokens come from b, so these estimate E_b. Chi-square is the variance of the importance
weight; ess is the share of n equally weighted responses that are worth as much, in
[1 / n, 1]. d and S are kept within +-20, but for ess, which is made of differences of
S. The names are verl's in meaning; 0 where nothing trains.
"""

import jax.numpy as jnp
from jaxtyping import Array

from jaxrl import kl, masked
from jaxrl.types import Rollouts


def metrics(batch: Rollouts) -> dict[str, Array]:
  """Scalars for the log."""
  mask = batch.mask
  trained = jnp.sum(mask, axis=-1) > 0
  tokens = jnp.maximum(jnp.sum(mask), 1.0)
  rows = jnp.maximum(jnp.sum(trained, dtype=mask.dtype), 1.0)
  mean = lambda x: jnp.sum(masked.zero(x, mask)) / tokens
  log_ratio = masked.log_ratio(batch.logp_old, batch.logp_sampling, mask)
  total = jnp.sum(log_ratio, axis=-1)
  # expm1 keeps the digits of weights near 1.
  spread = jnp.expm1(2 * jnp.clip(total, -20.0, 20.0))
  # Over the largest weight: a ratio of sums does not see the scale.
  largest = jnp.max(jnp.where(trained, total, -jnp.inf))
  weight = jnp.where(trained, jnp.exp(jnp.where(trained, total - largest, 0.0)), 0.0)
  squares = jnp.maximum(jnp.sum(weight**2), 1.0)  # 1 is the largest's, if there is one
  return {
    "sampler_kl_k1": mean(kl.k1(batch.logp_sampling, batch.logp_old, mask)),
    "sampler_kl_k3": mean(kl.k3(batch.logp_sampling, batch.logp_old, mask)),
    "sampler_chi_square": mean(jnp.expm1(2 * log_ratio)),
    "sampler_chi_square_sequence": jnp.sum(jnp.where(trained, spread, 0.0)) / rows,
    "sampler_ess": jnp.sum(weight) ** 2 / squares / rows,
  }

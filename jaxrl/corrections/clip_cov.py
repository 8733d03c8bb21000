"""Clip-Cov: some tokens of high covariance do not train. Cui et al., https://arxiv.org/abs/2505.22617.

  C_t = (A_t - mean A)(log pi_t - mean log pi)
  w_t = 0 on max(floor(fraction * tokens), 1) random tokens among those with
        covariance[0] < C_t < covariance[1] that no clip holds back; else 1

Tokens of high covariance are what lowers entropy. pi is the policy that this optimiser
step starts from; means and the number of tokens are of all trained tokens of the step.
A token is held back where PPO's clip, `clip` below and above, already removes its
gradient. Where fewer are eligible, all of them are chosen. Defaults as in verl.

Compute `losses/ppo_clip` with the same range. `clip_cov_fraction` counts chosen tokens.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def clip_cov(
  logp_now: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  noise: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  fraction: float = 2e-4,
  covariance: tuple[float, float] = (1.0, 5.0),
  clip: tuple[float, float] = (0.2, 0.2),
) -> tuple[Float[Array, "B T"], Metrics]:
  """1 or 0 a token."""
  ratio = jnp.exp(masked.log_ratio(logp_now, logp_old, mask))
  advantages = masked.zero(advantages, mask)
  above = (advantages > 0) & (ratio > 1 + clip[1])
  below = (advantages < 0) & (ratio < 1 - clip[0])
  score = masked.covariance(advantages, logp_now, mask)
  inside = (score > covariance[0]) & (score < covariance[1])
  eligible = inside & ~above & ~below & (mask > 0)
  # Just over the product: 0.29 * 100 must not round down to 28.
  share = fraction * jnp.sum(mask > 0, dtype=mask.dtype) * (1 + 1e-6)
  count = jnp.maximum(jnp.floor(share), 1.0).astype(jnp.int32)
  order = jnp.argsort(jnp.where(eligible, noise, jnp.inf).reshape(-1))
  rank = jnp.argsort(order).reshape(mask.shape)
  chosen = eligible & (rank < count)
  kept = masked.zero(jnp.where(chosen, 0.0, 1.0), mask)
  return kept, {"clip_cov_fraction": jnp.where(chosen, 1.0, 0.0)}

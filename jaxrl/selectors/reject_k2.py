"""Rejects tokens or responses by the estimator k2. Schulman, http://joschu.net/blog/kl-approx.html.

  k_t = log(pi_old / b)^2 / 2
  m_i,t = 0 unless k_t <= token, mean_s k_s <= mean, sum_s k_s <= total
               and max_s k_s <= largest

over the trained tokens s of response i; a bound that is None does not bind. k is never
negative and treats either side alike. b is the distribution that the tokens were drawn
from, pi_old the policy before this batch's first update. verl has the bounds as
token_k2, seq_mean_k2, seq_sum_k2 and seq_max_k2. The default is verl's example.
Reductions then divide by what is left, as in verl.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import kl, masked


def reject_k2(
  logp_old: Float[Array, "B T"],
  logp_sampling: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  token: float | None = None,
  mean: float | None = None,
  total: float | None = None,
  largest: float | None = 2.5,
) -> Float[Array, "B T"]:
  """The mask of what is under every bound."""
  k = kl.k2(logp_sampling, logp_old, mask)
  levels = (
    (k, token),
    (masked.mean_per_row(k, mask), mean),
    (masked.sum_per_row(k, mask), total),
    (jnp.max(k, axis=-1, keepdims=True), largest),
  )
  left = mask
  for value, bound in levels:
    if bound is not None:
      under = jnp.broadcast_to(value <= bound, mask.shape)
      left = jnp.where(under, left, 0.0)
  return left

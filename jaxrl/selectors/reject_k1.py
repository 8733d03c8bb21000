"""Rejects tokens or responses by their log-ratio. Schulman, http://joschu.net/blog/kl-approx.html.

  k_t = log(b / pi_old),  whose mean under b is KL(b || pi_old)
  m_i,t = 0 unless token[0] <= k_t            <= token[1]
               and mean[0]  <= mean_s k_s     <= mean[1]
               and total[0] <= sum_s k_s      <= total[1]

over the trained tokens s of response i; a bound that is None does not bind. b is the
distribution that the tokens were drawn from, pi_old the policy before this batch's
first update. In nats, where verl's token_k1, seq_mean_k1 and seq_sum_k1 are given a
band of ratios "l_h" and mean log l to log h. The defaults are verl's example for tokens
and nothing for rows. Reductions then divide by what is left, as in verl.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import kl, masked


def reject_k1(
  logp_old: Float[Array, "B T"],
  logp_sampling: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  token: tuple[float, float] | None = (-0.693, 0.693),
  mean: tuple[float, float] | None = None,
  total: tuple[float, float] | None = None,
) -> Float[Array, "B T"]:
  """The mask of what lies inside every band."""
  k = kl.k1(logp_sampling, logp_old, mask)
  levels = (
    (k, token),
    (masked.mean_per_row(k, mask), mean),
    (masked.sum_per_row(k, mask), total),
  )
  left = mask
  for value, band in levels:
    if band is not None:
      inside = (value >= band[0]) & (value <= band[1])
      left = jnp.where(jnp.broadcast_to(inside, mask.shape), left, 0.0)
  return left

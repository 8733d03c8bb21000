"""PRIME as in verl's recipe. Cui et al., https://arxiv.org/abs/2502.01456.

  q_t = beta (log pi_prm(y_t) - log pi_ref(y_t)),  0 on a response's last token
  q_t /= max |sum_(s >= t) q_s| + 1e-6
  L(r)_it = n / (n - 1) (r_it - mean_(j in g) mean_t r_jt)    on tokens that have an r
  G_t = process_coefficient L(q)_t + outcome_coefficient L(R)_t + G_(t+1)
  A_t = (G_t - mean) / sqrt(var + 1e-8)    over the batch's trained tokens

with R the config's `rewards` on a response's last token and n the rows of group g. It
differs from `prime`, the paper's own repository, in beta, in the last token, which has
no process reward of its own but counts in the means and pays the baseline, and in the
coefficients, 5 and 5. As there, the division by the largest return (`batch_norm`) is
the default, which undoes beta but for the 1e-6; it is over the batch here and over a
worker's part of it there. The recipe takes consecutive rows for a group, where here
`group` says it. Left out are its sum of later q with a factor lambda, 0 by default, and
its reward of whole responses, which puts a vector where a number is meant. A group of
one has no baseline; rewards without spread leave exactly 0; rows without a score must
be masked, as the train loop does.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def prime_recipe(
  prm_log_ratio: Float[Array, "B T"],
  rewards: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  beta: float = 0.05,
  process_coefficient: float = 5.0,
  outcome_coefficient: float = 5.0,
  batch_norm: bool = True,
) -> Float[Array, "B T"]:
  """Whitened returns of both sources, for each trained token."""
  last = masked.last_token(mask)
  process = beta * masked.zero(prm_log_ratio, mask - last)
  if batch_norm:
    largest = jnp.max(jnp.abs(masked.to_go(process, mask, 1.0)))
    process = process / (largest + 1e-6)
  spread = segments.has_spread(rewards, group, jnp.max(mask, axis=1))
  outcome = segments.leave_one_out(
    jnp.where(last > 0, rewards[:, None], 0.0), last, group
  )
  alone = segments.total(jnp.max(mask, axis=1), group) == 1
  outcome = jnp.where((spread | alone)[:, None], outcome, 0.0)
  both = process_coefficient * segments.leave_one_out(process, mask, group)
  both += outcome_coefficient * outcome
  returns = masked.to_go(both, mask, 1.0)
  return masked.whiten(returns, mask, epsilon=1e-8, ddof=1)

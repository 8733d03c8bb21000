"""PURE's baseline by steps. Cheng et al., https://arxiv.org/abs/2504.15275.

  R_ik = r_ik - mean_(j != i) (O_j / K_j)    on the last token of step k
  A_it = sum_(s >= t) R_is + outcome_coefficient (v_i - mean_(j != i) v_j)

with O_j = sum_k r_jk, K_j the scored steps of response j, r the token rewards on steps'
ends and v = score - 1. Each step pays what a step earns elsewhere, so how many there
are matters by itself: the authors report that it favours few steps, and have
`pure_token` as default. All else is as said there: the outcome is `score` itself, so
`accuracy` is not among the config's rewards; the last token of each scored step but a
response's own last gets 0 without `train_separators`; responses without a scored step
are not in the baseline; a row that is alone has none; rows without a score must be
masked.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def pure_step(
  token_rewards: Float[Array, "B T"],
  step_scored: Float[Array, "B T"],
  score: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  outcome_coefficient: float = 1.0,
  train_separators: bool = False,
) -> Float[Array, "B T"]:
  """Reward-to-go over the group's baseline, for each trained token."""
  ends, last = masked.zero(step_scored, mask), masked.last_token(mask)
  process = masked.mean_per_row(token_rewards, ends)[:, 0]
  baseline = _mean_of_others(process, jnp.max(ends, axis=1), group)
  trains = jnp.max(mask, axis=1)
  verdict = jnp.where(trains > 0, score - 1, 0.0)
  outcome = verdict - _mean_of_others(verdict, trains, group)
  rewards = masked.zero(token_rewards, mask) - masked.per_token(baseline, ends)
  rewards += jnp.where(last > 0, outcome_coefficient * outcome[:, None], 0.0)
  advantage = masked.to_go(rewards, mask, 1.0)
  return advantage if train_separators else masked.zero(advantage, mask - ends + last)


def _mean_of_others(
  x: Float[Array, " B"], weight: Float[Array, " B"], group: Int[Array, " B"]
) -> Float[Array, " B"]:
  """Over the other weighted rows of each row's group; `x` is 0 where weight is 0."""
  count = segments.total(weight, group) - weight
  total = segments.total(x, group) - x
  return jnp.where(count > 0, total / jnp.maximum(count, 1.0), 0.0)

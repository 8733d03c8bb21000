"""PURE's baseline by tokens. Cheng et al., https://arxiv.org/abs/2504.15275.

  b_i = sum_(j != i) O_j / sum_(j != i) |y_j|,    O_j = sum_k r_jk
  R_ik = r_ik - b_i tokens_in_step_k    on the last token of step k
  A_it = sum_(s >= t) R_is + outcome_coefficient (v_i - mean_(j != i) v_j)

with r the token rewards on steps' ends, v = score - 1 the verifier's reward, j over i's
group, and nothing divided by a spread. Process rewards are those of the config (`pure`,
or any on steps' ends); the outcome is `score` itself, so `accuracy` is not among them.
Rewards elsewhere, such as a KL penalty of every token, are summed as they are; its part
on a step's end counts as that step's. This is the authors' default; `pure_step` favours
few steps, as they say.

By their default a step's separator trains nothing: the last token of each scored step
but a response's own last gets 0, and `train_separators` gives it its A (for steps that
do not end with a separator). Where the paper is silent: responses without a scored step
are not in b; a row that is alone has no baseline and keeps r and v. Rows without a
score must be masked, as the train loop does; they then count for nothing.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def pure_token(
  token_rewards: Float[Array, "B T"],
  steps: Int[Array, "B T"],
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
  process = masked.sum_per_row(token_rewards, ends)[:, 0]
  length = jnp.sum(mask, axis=1) * jnp.max(ends, axis=1)
  lengths = _of_others(length, group)
  baseline = _of_others(process, group) / jnp.where(lengths > 0, lengths, 1.0)
  baseline = jnp.where(lengths > 0, baseline, 0.0)[:, None] * _step_tokens(steps, mask)
  trains = jnp.max(mask, axis=1)
  verdict = jnp.where(trains > 0, score - 1, 0.0)
  outcome = verdict - _of_others(verdict, group) / jnp.maximum(
    _of_others(trains, group), 1.0
  )
  rewards = masked.zero(token_rewards, mask) - masked.zero(baseline, ends)
  rewards += jnp.where(last > 0, outcome_coefficient * outcome[:, None], 0.0)
  advantage = masked.to_go(rewards, mask, 1.0)
  return advantage if train_separators else masked.zero(advantage, mask - ends + last)


def _of_others(x: Float[Array, " B"], group: Int[Array, " B"]) -> Float[Array, " B"]:
  """Sum over the other rows of each row's group."""
  return segments.total(x, group) - x


def _step_tokens(
  steps: Int[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """How many trained tokens the step of each token has."""
  at = jnp.maximum(steps, 0)
  count = lambda weight, at: jax.ops.segment_sum(weight, at, num_segments=at.size)
  counts = jax.vmap(count)(jnp.where(steps >= 0, mask, 0.0), at)
  return jnp.take_along_axis(counts, at, axis=1)

"""Dr. GRPO: reward minus its group's mean. Liu et al., https://arxiv.org/abs/2503.20783.

  A_i = r_i - mean_g

for every token of response i: no division by the group's deviation, which makes easy
and hard prompts count more. The paper also divides the loss by a constant instead of
the response's length: that is a reduction's part. Where the paper is silent: unscored
rows are left out of the mean and get 0; a group without spread, where spread means more
than rounding, gets exactly 0; so does a row that is alone, unless `keep_single` gives
it r_i, as verl does. verl: `grpo` with norm_adv_by_std_in_grpo False; TRL:
scale_rewards "none".
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def group_mean(
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  keep_single: bool = False,
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  spread = segments.has_spread(rewards, group, scored)
  centred = rewards - segments.mean(rewards, group, scored)
  advantage = jnp.where(spread, centred, 0.0)
  if keep_single:
    alone = (segments.total(scored, group) == 1) & (scored > 0)
    advantage = jnp.where(alone, rewards, advantage)
  return masked.per_token(advantage, mask)

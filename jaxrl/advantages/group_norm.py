"""GRPO: z-score of the reward within its group. Shao et al., https://arxiv.org/abs/2402.03300.

  A_i = (r_i - mean_g) / (sqrt(var_g + variance_epsilon) + epsilon)

for every token of response i. Where the paper is silent: `ddof` 1 divides the
variance by n - 1, as the common libraries do (0 divides by n); unscored rows are left
out of mean and variance and get 0; a group without spread gets 0, and so does a row
that is alone, unless `keep_single` gives it r_i / (1 + epsilon), as verl does. Spread
means more than rounding: rewards of [0.1, 0.1, 0.1] have none.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def group_norm(
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  epsilon: float = 1e-6,
  ddof: int = 1,
  variance_epsilon: float = 0.0,
  keep_single: bool = False,
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  mean = segments.mean(rewards, group, scored)
  variance = segments.variance(rewards, group, scored, ddof=ddof)
  spread = segments.has_spread(rewards, group, scored)
  centred = jnp.where(spread, rewards - mean, 0.0)
  advantage = centred / (jnp.sqrt(variance + variance_epsilon) + epsilon)
  if keep_single:
    alone = (segments.total(scored, group) == 1) & (scored > 0)
    advantage = jnp.where(alone, rewards / (1 + epsilon), advantage)
  return masked.per_token(advantage, mask)

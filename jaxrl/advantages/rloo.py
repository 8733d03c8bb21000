"""RLOO: reward minus the mean of the others. Ahmadian et al., https://arxiv.org/abs/2402.14740.

  A_i = r_i - mean_{j != i} r_j  =  n / (n - 1) (r_i - mean_g)

over the n scored rows of the group, for every token of response i. The baseline does
not depend on response i, so the estimator is unbiased. Where the paper is silent: a row
that is alone gets 0 (TRL, verl's `rloo_vectorized`), unless `keep_single` gives it r_i
(verl's `rloo`); unscored rows get 0; a group without spread, where spread means more
than rounding, gets exactly 0. The paper's loss has one ratio for a whole response and a
KL term in the reward: those are other stages.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def rloo(
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  keep_single: bool = False,
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  count = segments.total(scored, group)
  spread = segments.has_spread(rewards, group, scored)
  centred = rewards - segments.mean(rewards, group, scored)
  advantage = jnp.where(spread, centred, 0.0) * count / jnp.maximum(count - 1, 1.0)
  if keep_single:
    advantage = jnp.where((count == 1) & (scored > 0), rewards, advantage)
  return masked.per_token(advantage, mask)

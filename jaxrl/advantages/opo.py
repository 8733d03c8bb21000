"""OPO: reward minus the length-weighted mean. Hao et al., https://arxiv.org/abs/2505.23585.

  A_i = r_i - sum_j l_j r_j / sum_j l_j

over the scored rows j of i's group, l_j the number of trained tokens of response j: the
baseline of least variance if every token's gradient is of one size and they are
orthogonal. Where the paper is silent: a row that is alone gets 0, unless `keep_single`
gives it r_i, as verl does; unscored rows get 0; a group without spread, where spread
means more than rounding, gets exactly 0.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def opo(
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  keep_single: bool = False,
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  length = jnp.where(scored > 0, jnp.sum(mask, axis=1), 0.0)
  spread = segments.has_spread(rewards, group, scored)
  centred = rewards - segments.mean(rewards, group, length)
  advantage = jnp.where(spread, centred, 0.0)
  if keep_single:
    alone = (segments.total(scored, group) == 1) & (scored > 0)
    advantage = jnp.where(alone, rewards, advantage)
  return masked.per_token(advantage, mask)

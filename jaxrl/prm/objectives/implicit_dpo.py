"""Implicit PRM by preferences. Yuan et al., https://arxiv.org/abs/2412.01981.

  r_i  = beta sum_t (log pi - log ref)
  l_wl = -log sigmoid(r_w - r_l),  L_i = mean of l_wl over the pairs of i's group

of a right answer w and a wrong one l to the same prompt, right where `score` is over
1/2. The loss is DPO's; see `implicit_ce` for what r is.

The group's mean stands on each trained token of all its rows, so `sequence_mean` gives
the mean over groups, each weighing by its rows, and `prompt_mean` the plain one. A
group that is all right or all wrong has no pair and gets 0, but is counted in the mean:
only the whole batch knows how many there are, not its parts. The selector
`informative_groups` masks them, and then the mean is over the groups with pairs. Whole
groups have to be in a micro-batch. Where the paper is silent: all pairs of a group, not
one. Empty rows, such as those without a score, are in no pair.

`pair_accuracy` is the share of the group's pairs with r_w > r_l.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments
from jaxrl.types import Metrics


def implicit_dpo(
  logp: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  score: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  beta: float = 0.05,
) -> tuple[Float[Array, "B T"], Metrics]:
  """The mean over the group's pairs on each trained token, 0 where masked."""
  reward = beta * masked.sum_per_row(logp - logp_ref, mask)
  filled = jnp.any(mask > 0, axis=1)
  right = filled & (score > 0.5)
  wrong = (filled & ~right).astype(mask.dtype)
  pairs = jnp.where(right[:, None], segments.others(group, wrong), 0.0)
  gap = reward - reward.T  # [B, B]

  of_group = lambda x: segments.mean_over_pairs(x, pairs, group)
  loss = of_group(-jax.nn.log_sigmoid(gap))
  ordered = of_group((gap > 0).astype(mask.dtype))
  return masked.per_token(loss, mask), {
    "pair_accuracy": masked.per_token(ordered, mask)
  }

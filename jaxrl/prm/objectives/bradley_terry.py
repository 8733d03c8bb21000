"""Reward model from comparisons. InstructGPT, Ouyang et al., https://arxiv.org/abs/2203.02155.

  l_wl = -log sigmoid(z_w - z_l),  L_i = mean of l_wl over the pairs of i's group

of two responses to the same prompt, score_w > score_l; z is the head's output at a
response's last trained token. All pairs of a prompt are one example, as in the paper:
each prompt then weighs the same however many responses were compared.

The group's mean stands on each trained token of all its rows, so `sequence_mean` gives
the mean over groups, each weighing by its rows, and `prompt_mean` the plain one. A
group whose scores are all equal has no pair and gets 0, but is counted in the mean:
only the whole batch knows how many there are, not its parts. The selector
`informative_groups` masks them, and then the mean is over the groups with pairs. Whole
groups have to be in a micro-batch. Empty rows, such as those without a score, are in no
pair.

`pair_accuracy` is the share of the group's pairs with z_w > z_l.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments
from jaxrl.types import Metrics


def bradley_terry(
  step_logits: Float[Array, "B T"],
  score: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
) -> tuple[Float[Array, "B T"], Metrics]:
  """The mean over the group's pairs on each trained token, 0 where masked."""
  value = masked.sum_per_row(step_logits, masked.last_token(mask))
  gap = value - value.T  # [B, B]
  filled = jnp.any(mask > 0, axis=1)
  others = segments.others(group, filled.astype(mask.dtype))
  better = filled[:, None] & (score[:, None] > score[None, :])
  pairs = jnp.where(better, others, 0.0)

  of_group = lambda x: segments.mean_over_pairs(x, pairs, group)
  loss = of_group(-jax.nn.log_sigmoid(gap))
  ordered = of_group((gap > 0).astype(mask.dtype))
  return masked.per_token(loss, mask), {
    "pair_accuracy": masked.per_token(ordered, mask)
  }

"""Comparisons with a margin. HelpSteer2-Preference, Wang et al., https://arxiv.org/abs/2410.01257.

  l_wl = -log sigmoid(z_w - z_l - m_wl),  m_wl = score_w - score_l
  L_i  = mean of l_wl over the pairs of i's group

of two responses to the same prompt, score_w > score_l: the better it is, the further
apart the two are to be. The paper's m is how strongly annotators preferred w, 1 to 3:
that is this, where the scores of a pair are 0 and the strength.

z, the place of the group's mean, and what that makes of reductions and of groups
without pairs are as in `bradley_terry`. `pair_accuracy` is the share of pairs with z_w
> z_l.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments
from jaxrl.types import Metrics


def bradley_terry_margin(
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
  margin = score[:, None] - score[None, :]
  better = filled[:, None] & (margin > 0)
  pairs = jnp.where(better, others, 0.0)
  losses = -jax.nn.log_sigmoid(gap - jnp.where(pairs > 0, margin, 0.0))

  of_group = lambda x: segments.mean_over_pairs(x, pairs, group)
  ordered = of_group((gap > 0).astype(mask.dtype))
  return masked.per_token(of_group(losses), mask), {
    "pair_accuracy": masked.per_token(ordered, mask)
  }

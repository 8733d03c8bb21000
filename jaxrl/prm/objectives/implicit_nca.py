"""Implicit PRM by noise-contrastive alignment. Yuan et al., https://arxiv.org/abs/2412.01981.

  r_i  = beta sum_t (log pi - log ref)
  l_wl = -log sigmoid(r_w) - 1/2 log sigmoid(-r_w) - 1/2 log sigmoid(-r_l)
  L_i  = mean of l_wl over the pairs of i's group

of a right answer w and a wrong one l to the same prompt, right where `score` is over
1/2. The loss is NCA's for pairs (Chen et al., 2402.05369), as remembered: it holds r_w
to a finite optimum, where DPO only widens the gap. See `implicit_ce` for what r is.

The group's mean stands on each trained token of all its rows. What that makes of
reductions, groups without pairs and empty rows is as in `implicit_dpo`.

`pair_accuracy` is the share of the group's pairs with r_w > r_l.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments
from jaxrl.types import Metrics


def implicit_nca(
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
  down = -0.5 * jax.nn.log_sigmoid(-reward)
  losses = down - jax.nn.log_sigmoid(reward) + down.T  # [B, B]

  of_group = lambda x: segments.mean_over_pairs(x, pairs, group)
  ordered = of_group((reward > reward.T).astype(mask.dtype))
  return masked.per_token(of_group(losses), mask), {
    "pair_accuracy": masked.per_token(ordered, mask)
  }

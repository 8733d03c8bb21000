"""OTB: the baseline of least variance, token by token. Li et al., https://arxiv.org/abs/2602.07078.

  G_t = sum_{s >= t} R_s,  W_t = sum_{s <= t} (1 - 2 pi_s + sum_v pi(v)^2)
  A_it = G_it - sum_j W_jt G_jt / (sum_j W_jt + epsilon)

over the responses j of i's group that have a t-th token. W is the squared norm of the
gradient with respect to the logits, summed up to token t: a stand-in for that with
respect to the parameters. Tokens are counted over trained ones only, so a tool's answer
shifts nothing (verl: tir_optimal_token_baseline; its optimal_token_baseline counts
positions). As in verl, a token that no other response of the group is long enough to
compare with gets 0, and so does a row that is alone, unless `keep_single` gives it G_t.
verl can multiply W by squared importance weights, which is left out here. Rows without
a score must be masked, as the train loop does.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def optimal_token_baseline(
  token_rewards: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  collision_old: Float[Array, "B T"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  epsilon: float = 1e-8,
  keep_single: bool = False,
) -> Float[Array, "B T"]:
  """One advantage a trained token."""
  returns = masked.to_go(token_rewards, mask, 1.0)
  energy = 1 - 2 * jnp.exp(masked.zero(logp_old, mask)) + collision_old
  # At least (1 - pi)^2, but for rounding.
  energy = jnp.cumsum(jnp.maximum(masked.zero(energy, mask), 0.0), axis=1)
  # Trained tokens moved to the front, so that t counts them.
  order = jnp.argsort(mask <= 0, axis=1, stable=True)
  front = lambda x: jnp.take_along_axis(masked.zero(x, mask), order, axis=1)
  of_group = jax.vmap(lambda x: segments.total(x, group), in_axes=1, out_axes=1)
  weight, long_enough = of_group(front(energy)), of_group(front(mask))
  baseline = of_group(front(energy * returns)) / (weight + epsilon)
  advantage = jnp.where(long_enough > 1, front(returns) - baseline, 0.0)
  if keep_single:
    trains = jnp.max(mask, axis=1)
    alone = segments.total(trains, group) == 1
    advantage = jnp.where(alone[:, None], front(returns), advantage)
  back = jnp.maximum(jnp.cumsum(mask, axis=1) - 1, 0.0).astype(jnp.int32)
  return masked.zero(jnp.take_along_axis(advantage, back, axis=1), mask)

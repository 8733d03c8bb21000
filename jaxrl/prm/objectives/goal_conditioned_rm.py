"""States that tell where a response leads. Goal-conditioned RM, Nath et al., https://arxiv.org/abs/2407.13887.

  c(h, g) = sigmoid(cos(h, g))
  P = mean of c(h_t, h_u) over t < u of a preferred response
  N = mean of c(h_t, h_u) over t of it and u of a rejected one to the same prompt
  L = coefficient (-log P - log(1 - N))

of hidden states h before the trained tokens: states of a right response are to be like
those that it comes to, and unlike those of a wrong one. P and N are means over the
pairs score_w > score_l of a group. It is added to a loss on pairs such as
`bradley_terry`, with the paper's beta as `coefficient`. L is no less than 0.6265 (cos 1
and -1), and 1.6265 where all states are the same.

Positions are `positions` random ones of each response, by the uniform number of each
token, without repeats; the authors draw as many pairs on the preferred response and
compare all their first with all their second ones, so that some goals stand before
their source; here none does. Their logarithms are of means over the whole batch, so
that L depends on its size; here they are of each group's means. `log_inside` takes
-log c and -log(1 - c) of each comparison and then the means, as the paper's text has
it. Positions from a percentile of the response on (0: anywhere) are left out.

The group's number stands on each trained token of its rows, as in `bradley_terry`, and
the same holds for groups without a pair. `prm.goals` has what the paper does with the
states at inference; config prm/goal_conditioned_rm trains them.

The first metric is L without the coefficient; `goal_similarity` is P.

Id: goal_conditioned_rm
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments
from jaxrl.types import Metrics


def goal_conditioned_rm(
  states: Float[Array, "B T D"],
  score: Float[Array, " B"],
  group: Int[Array, " B"],
  noise: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  coefficient: float = 0.5,
  positions: int = 16,
  log_inside: bool = False,
) -> tuple[Float[Array, "B T"], Metrics]:
  """The group's contrast on each trained token, 0 where masked."""
  unit, there = _drawn(states, noise, mask, positions)
  near = jax.nn.sigmoid(jnp.einsum("bsd,btd->bst", unit, unit))
  far = jax.nn.sigmoid(jnp.einsum("asd,btd->abst", unit, unit))
  place = jnp.arange(there.shape[1])
  later = place[None, :, None] < place[None, None, :]
  later = later & there[:, :, None] & there[:, None, :]
  both = there[:, None, :, None] & there[None, :, None, :]
  toward = (lambda c: -jnp.log(c)) if log_inside else (lambda c: c)
  apart = (lambda c: -jnp.log1p(-c)) if log_inside else (lambda c: c)
  of_row, of_pair = _mean(toward(near), later), _mean(apart(far), both)
  goals = jnp.any(later, axis=(1, 2))
  filled = jnp.any(mask > 0, axis=1)
  better = (goals & filled)[:, None] & (score[:, None] > score[None, :])
  others = segments.others(group, filled.astype(mask.dtype))
  pairs = jnp.where(better, others, 0.0)

  of_group = lambda x: segments.mean_over_pairs(x, pairs, group)
  wide = lambda x: jnp.broadcast_to(x[:, None], pairs.shape)
  close, distant = of_group(wide(of_row)), of_group(of_pair)
  known = segments.total(jnp.sum(pairs, axis=1), group) > 0
  if log_inside:
    loss = close + distant
  else:
    loss = -jnp.log(jnp.where(known, close, 1.0)) - jnp.log1p(-distant)
  similarity = of_group(wide(_mean(near, later)))
  return masked.per_token(coefficient * loss, mask), {
    "goal_contrast": masked.per_token(loss, mask),
    "goal_similarity": masked.per_token(similarity, mask),
  }


def _drawn(states, noise, mask, positions):
  """States of length 1 at drawn positions [B, S, D], in order; whether there is one."""
  width = mask.shape[1]
  kept, places = jax.lax.top_k(jnp.where(mask > 0, noise, -1.0), min(positions, width))
  places = jnp.sort(jnp.where(kept >= 0, places, width), axis=1)
  there = places < width
  picked = jnp.take_along_axis(states, places[..., None], axis=1, mode="clip")
  picked = jnp.where(there[..., None], picked, 0.0)
  size = jnp.sum(picked**2, axis=-1, keepdims=True)
  return picked * jax.lax.rsqrt(size + 1e-12), there


def _mean(x: Array, on: Array) -> Array:
  """Over the last two axes, where `on`; 0 where nothing is."""
  total = jnp.sum(jnp.where(on, x, 0.0), axis=(-2, -1))
  count = jnp.sum(on, axis=(-2, -1), dtype=x.dtype)
  return total / jnp.maximum(count, 1.0)

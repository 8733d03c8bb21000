"""Informative groups are kept, to take the place of groups without spread. Pure.

RePO, Li et al., https://arxiv.org/abs/2506.09340, and the buffer of TRL's
GRPOWithReplayBufferTrainer:

  priority_g = mean_i |A_i| * std_i(r_i),  A_i the mean advantage of row i's tokens

After credit, each group of a batch whose priority is 0 gives its rows to the kept group
of the highest priority, which so leaves the buffer: it trains twice at most. Then the
informative groups of the fresh batch come into the buffer, and the best stay. Replayed
rows keep the log-probs that they were sampled with: their ratio is off policy.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked, segments
from jaxrl.types import Rollouts


def priority(batch: Rollouts, size: int) -> Float[Array, " N"]:
  """One number a group of `size` adjacent rows; 0 where nothing is to be learnt."""
  advantage = jnp.abs(masked.mean_per_row(batch.advantages, batch.mask)[:, 0])
  weight = batch.scored
  std = jnp.sqrt(segments.variance(batch.rewards, batch.group, weight, ddof=1))
  informative = segments.has_spread(batch.rewards, batch.group, weight)
  value = jnp.where(informative, advantage * std, 0.0)
  return jnp.mean(value.reshape(-1, size), axis=1)


def empty(batch: Rollouts, groups: int, size: int) -> Rollouts:
  """A buffer of `groups` groups like those of the batch, without anything to train."""
  blank = jax.tree.map(
    lambda x: jnp.zeros((groups * size, *x.shape[1:]), x.dtype), batch
  )
  return blank.replace(group=jnp.arange(groups * size, dtype=jnp.int32) // size)


def exchange(
  kept: Rollouts, batch: Rollouts, *, size: int
) -> tuple[Rollouts, Rollouts]:
  """(the buffer afterwards, the batch to train on), of the shapes that they had."""
  batch = dataclasses.replace(batch, fresh=jnp.ones_like(batch.scored))
  kept = dataclasses.replace(kept, fresh=jnp.zeros_like(kept.scored))
  old, new = priority(kept, size), priority(batch, size)
  best = jnp.argsort(-old)  # kept groups, most informative first
  flat = new == 0
  # The i-th flat group takes the i-th best of the kept ones, while there are any.
  turn = jnp.cumsum(flat) - 1
  source = best[jnp.minimum(turn, len(best) - 1)]
  taken = flat & (turn < len(best)) & (old[source] > 0)
  rows = (source[:, None] * size + jnp.arange(size)[None]).reshape(-1)
  replaced = jnp.repeat(taken, size)

  def choose(theirs, ours):
    shape = (-1,) + (1,) * (ours.ndim - 1)
    return jnp.where(replaced.reshape(shape), theirs[rows], ours)

  mixed = jax.tree.map(choose, kept, batch).replace(group=batch.group)
  left = old.at[jnp.where(taken, source, len(old))].set(0.0, mode="drop")
  stay = jnp.argsort(-jnp.concatenate([left, new]))[: len(old)]
  rows = (stay[:, None] * size + jnp.arange(size)[None]).reshape(-1)
  both = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), kept, batch)
  after = jax.tree.map(lambda x: x[rows], both).replace(group=kept.group)
  # What left the buffer may still stand in it, where there is nothing better.
  gone = jnp.repeat(jnp.concatenate([left, new])[stay] == 0, size)
  return after.replace(
    mask=jnp.where(gone[:, None], 0.0, after.mask),
    scored=jnp.where(gone, 0.0, after.scored),
  ), mixed

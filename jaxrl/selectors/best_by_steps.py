"""The responses of a prompt that a process model calls best. Zou et al.,
https://arxiv.org/abs/2506.18896.

  r_i  = step_weight / (K - 1) sum_{k < K} p_k + trajectory_weight p_K
  m_it = 0 unless fewer than `keep` others of i's prompt have a higher r

with p_1..p_K the scores of a response's steps, the last of which is the whole
trajectory's: how ReasonFlux-PRM, and with both weights 1/2 Fin-PRM (2508.15202), choose
the traces that supervised training sees. Of equal ones the first is kept. A response
without a scored step is not chosen.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked


def best_by_steps(
  mask: Float[Array, "B T"],
  step_scores: Float[Array, "B T"],
  step_scored: Float[Array, "B T"],
  group: Int[Array, " B"],
  *,
  keep: int = 1,
  step_weight: float = 1.0,
  trajectory_weight: float = 1.0,
) -> Float[Array, "B T"]:
  """The mask without the responses that are not chosen."""
  ends = masked.zero(step_scored, mask)
  last = masked.last_token(ends)
  steps = masked.mean_per_row(step_scores, ends * (1 - last))[:, 0]
  whole = masked.sum_per_row(step_scores, last)[:, 0]
  value = step_weight * steps + trajectory_weight * whole
  able = jnp.any(ends > 0, axis=1)
  row = jnp.arange(len(value))
  higher = value[None, :] > value[:, None]
  earlier = (value[None, :] == value[:, None]) & (row[None, :] < row[:, None])
  rivals = (group[None, :] == group[:, None]) & able[None, :]
  rank = jnp.sum(rivals & (higher | earlier), axis=1)
  return jnp.where((able & (rank < keep))[:, None], mask, 0.0)

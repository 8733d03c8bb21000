"""PAV: progress under a prover, added to the outcome. Setlur et al., https://arxiv.org/abs/2410.08146.

  V_k = 1 - (1 - Q_k)^prover_k,    A_k = V_k - V_(k-1)
  A_t = (R_i - mean_g R) + alpha A_k    for each token t of step k

with Q_k the score of step k: how likely the policy is to end right from there. V is
then the same for a prover that takes the best of `prover_k` tries: the progress that it
sees is another than the policy's own. prover_k 1 leaves scores as they are, for those
of a model trained on a prover's continuations. Q_0 is the group's mean of `rewards`,
the policy's success rate on the prompt. Scores and Q_0 are clipped to [0, 1], as rates.

A_k is not summed over later steps: it would telescope, to what the last prefix is
worth. A step that leaves Q as it was gets exactly 0, so rephrasing does not pay; with
alpha 0 this is `group_mean`. Where the paper is silent: the outcome's baseline is the
group's mean, with 0 for a group without spread and for a row that is alone; the last
step's A is the scores' too, its outcome being in R; a step without a score has A 0, and
the next one is compared with the last that had one; alpha is 3 (from memory: 5 for 2B,
3 for 9B). Rows without a score must be masked, as the train loop does.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def pav(
  rewards: Float[Array, " B"],
  step_scores: Float[Array, "B T"],
  step_scored: Float[Array, "B T"],
  steps: Int[Array, "B T"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  alpha: float = 3.0,
  prover_k: int = 4,
) -> Float[Array, "B T"]:
  """One advantage a step, on each of its trained tokens."""
  trains = jnp.max(mask, axis=1)
  spread = segments.has_spread(rewards, group, trains)
  mean = segments.mean(rewards, group, trains)
  outcome = masked.per_token(jnp.where(spread, rewards - mean, 0.0), mask)
  prover = lambda q: 1 - (1 - jnp.clip(q, 0.0, 1.0)) ** prover_k
  ends = masked.zero(step_scored, mask)
  value = masked.zero(prover(step_scores), ends)
  before = masked.next_token(value[:, ::-1], ends[:, ::-1])[:, ::-1]
  first = jnp.cumsum(ends, axis=1) == 1
  before = jnp.where(first, prover(mean)[:, None], before)
  progress = _on_step(masked.zero(value - before, ends), steps)
  return outcome + alpha * masked.zero(progress, mask)


def _on_step(x: Float[Array, "B T"], steps: Int[Array, "B T"]) -> Float[Array, "B T"]:
  """The sum of `x` over its step, on each token of the step; 0 outside of steps."""
  at = jnp.maximum(steps, 0)
  total = lambda x, at: jax.ops.segment_sum(x, at, num_segments=at.size)
  sums = jax.vmap(total)(jnp.where(steps >= 0, x, 0.0), at)
  return jnp.where(steps >= 0, jnp.take_along_axis(sums, at, axis=1), 0.0)

"""TP-GRPO: four advantages, by outcome and thought. He et al., https://arxiv.org/abs/2507.23317.

  z_i = (o_i - mean_g o) / std_g o,    o_i = 1 where right, else -1
  c_g = alpha * share of g that is right
  right answer: A_t = z_i in correct thoughts,  z_i - c_g in incorrect ones
  wrong answer: A_t = z_i in matching thoughts,       0 in mismatching ones

A thought is a run of steps with one verdict. The verdict is step_scores >= threshold:
of a right answer "this step is correct", of a wrong one "this step leads to the answer
that was given". A plain process reward model says of a wrong answer's good steps what
makes them "matching" here: its scores have to be turned round there. The four values
are those of the paper's propositions, set directly: its sums of rewards after a token
do not give them in general. So it makes no difference into how many steps of equal
verdict a thought is cut. Process rewards are not normalised; c_g grows as the prompt is
solved, and with all of a group right it is all that is left: z is 0 for a group without
spread and for a row that is alone.

An answer is right where its reward is above 0. Where the paper is silent: alpha is 1;
std divides by n - 1; steps without a score, and tokens of none, get z. Rows without a
score must be masked, as the train loop does.

Id: tp_grpo
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def tp_grpo(
  rewards: Float[Array, " B"],
  step_scores: Float[Array, "B T"],
  step_scored: Float[Array, "B T"],
  steps: Int[Array, "B T"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  alpha: float = 1.0,
  threshold: float = 0.5,
) -> Float[Array, "B T"]:
  """One advantage a thought, on each of its trained tokens."""
  trains = jnp.max(mask, axis=1)
  right = jnp.where((trains > 0) & (rewards > 0), 1.0, 0.0)
  outcome = 2 * right - 1
  centred = outcome - segments.mean(outcome, group, trains)
  std = jnp.sqrt(segments.variance(outcome, group, trains, ddof=1))
  spread = segments.has_spread(outcome, group, trains)
  z = jnp.where(spread, centred / jnp.where(spread, std, 1.0), 0.0)
  charged = z - alpha * segments.mean(right, group, trains)
  low = jnp.where(step_scores < threshold, masked.zero(step_scored, mask), 0.0)
  in_low = jnp.where(right > 0, charged, 0.0)[:, None]
  advantage = jnp.where(_in_step(low, steps), in_low, z[:, None])
  return masked.zero(advantage, mask)


def _in_step(x: Float[Array, "B T"], steps: Int[Array, "B T"]) -> Array:
  """True on the tokens of steps that have a mark in `x`."""
  at = jnp.maximum(steps, 0)
  total = lambda x, at: jax.ops.segment_sum(x, at, num_segments=at.size)
  marks = jax.vmap(total)(jnp.where(steps >= 0, x, 0.0), at)
  return (steps >= 0) & (jnp.take_along_axis(marks, at, axis=1) > 0)

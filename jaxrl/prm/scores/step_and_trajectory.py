"""Mean of the steps and, by itself, the whole. Zou et al., https://arxiv.org/abs/2506.18896.

  r = step_weight / (K - 1) sum_{k < K} p_k + trajectory_weight p_K

of a response cut by the rule `final_answer`, where the last score is that of the whole
trajectory: ReasonFlux-PRM's r_hat with alpha = trajectory_weight (best near 1), and
with both weights 1/2 the score of Fin-PRM (2508.15202). Both choose the best of n with
it; the selector `best_by_steps` chooses training data. A response of one step has the
trajectory's term alone, one without a step 0.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def step_and_trajectory(
  step_scores: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  step_weight: float = 1.0,
  trajectory_weight: float = 1.0,
) -> Float[Array, " B"]:
  """One number a row."""
  scores = masked.zero(step_scores, mask)
  last = masked.last_token(mask)
  steps = masked.mean_per_row(scores, mask * (1 - last))[:, 0]
  whole = jnp.sum(scores * last, axis=1)
  return step_weight * steps + trajectory_weight * whole

"""Errors of the steps and of the whole. ReasonFlux-PRM, Zou et al., https://arxiv.org/abs/2506.18896.

  R_t = sigmoid(z_t)
  L   = step_weight / T sum_t (R_t - y_t)^2 + trajectory_weight (R_end - y_end)^2

of a row with T labelled steps and, behind them, one more labelled place: the last one
that the mask has is the whole trajectory's, its label the trajectory's target. Each
place's term is multiplied by the T + 1 places of its row, so that `sequence_mean` gives
the mean over rows of L. A row of one place has the trajectory's term alone.

Both weights are 1, as the sources seen do not give them. R is a sigmoid as in the
released small model; the large one has two classes. Fin-PRM (2508.15202), which takes
the trajectory's place for one more step, is `step_ce` on the same labels.

`step_accuracy` is 1 where R and y are on one side of 1/2, the trajectory's included.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def step_and_trajectory(
  step_logits: Float[Array, "B T"],
  step_labels: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  step_weight: float = 1.0,
  trajectory_weight: float = 1.0,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Weighted squared error at each labelled place, 0 where masked."""
  logits = masked.zero(step_logits, mask)
  labels = masked.zero(step_labels, mask)
  places = jnp.sum(mask, axis=1, keepdims=True)
  of_step = step_weight * places / jnp.maximum(places - 1, 1.0)
  of_end = trajectory_weight * places
  weight = jnp.where(masked.last_token(mask) > 0, of_end, of_step)
  loss = weight * (jax.nn.sigmoid(logits) - labels) ** 2
  agree = ((logits > 0) == (labels > 0.5)).astype(logits.dtype)
  return masked.zero(loss, mask), {"step_accuracy": masked.zero(agree, mask)}

"""Squared error of the step's probability. DreamPRM, Cao et al., https://arxiv.org/abs/2505.20241.

  p_t = sigmoid(z_t),  L_t = (p_t - y_t)^2

at each labelled step t: DreamPRM's lower objective with the weight of every domain at
1. Labels are hard or soft; the least loss is at p = y, as of `step_bce`, but a step
that is surely wrong costs 1 at most, and its gradient fades where p saturates.

`step_accuracy` is 1 where p and y are on one side of 1/2.
"""

import jax
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def step_mse(
  step_logits: Float[Array, "B T"],
  step_labels: Float[Array, "B T"],
  mask: Float[Array, "B T"],
) -> tuple[Float[Array, "B T"], Metrics]:
  """Squared error at each labelled step, 0 where masked."""
  logits = masked.zero(step_logits, mask)
  labels = masked.zero(step_labels, mask)
  loss = (jax.nn.sigmoid(logits) - labels) ** 2
  agree = ((logits > 0) == (labels > 0.5)).astype(logits.dtype)
  return masked.zero(loss, mask), {"step_accuracy": masked.zero(agree, mask)}

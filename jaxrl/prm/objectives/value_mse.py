"""Squared error of a value in -1..1. AlphaMath, Chen et al., https://arxiv.org/abs/2405.03553.

  V_t = tanh(z_t),  L_t = (V_t - Q_t)^2,  Q_t = label_scale y_t + label_shift

at each step end t. Q is the search tree's mean of final values, +1 right and -1 wrong.
By default the labels y are such values already; for labels that are shares in 0..1, as
most rules give, take label_scale 2 and label_shift -1.

The value alone: `objectives/alphamath` is the paper's whole loss, with the tokens of
right paths. Its sum over the step ends of a batch is divided by their number + 0.001,
here (`token_mean`) without the 0.001.

`step_accuracy` is 1 where V and Q have one sign.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def value_mse(
  step_logits: Float[Array, "B T"],
  step_labels: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  label_scale: float = 1.0,
  label_shift: float = 0.0,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Squared error of the value at each step end, 0 where masked."""
  logits = masked.zero(step_logits, mask)
  targets = label_scale * masked.zero(step_labels, mask) + label_shift
  loss = (jnp.tanh(logits) - targets) ** 2
  agree = ((logits > 0) == (targets > 0)).astype(logits.dtype)
  return masked.zero(loss, mask), {"step_accuracy": masked.zero(agree, mask)}

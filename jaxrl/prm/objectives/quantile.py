"""Quantiles of the success rate. Park et al., https://arxiv.org/abs/2506.09338.

  s_m = sigmoid(z_m)
  L_t = mean_m max(b_m (y_t - s_m), (b_m - 1)(y_t - s_m)),  b = levels

at each prefix t; y_t is the share of its completions that are right. At the least loss
a share b_m of the y of like prefixes lies below s_m: a low quantile is a cautious
score, and its distance to the middle says how sure it is. A quantile may cross another:
the authors do not penalise it. They set the head out so that every s_m is an old
model's score; that is the business of whoever builds it.

`step_accuracy` is 1 where the middle output (the lower of two) and y are on one side of
1/2, `below` the share of outputs that are above y.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def quantile(
  step_outputs: Float[Array, "B T C"],
  step_labels: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  outputs: int = 3,
  levels: tuple[float, ...] = (0.1, 0.5, 0.9),
) -> tuple[Float[Array, "B T"], Metrics]:
  """Pinball loss at each labelled step, 0 where masked."""
  if not step_outputs.shape[-1] == outputs == len(levels):
    raise ValueError(
      f"quantile needs as many outputs as levels; outputs is {outputs}, there are "
      f"{len(levels)} levels and the head has {step_outputs.shape[-1]} outputs"
    )
  logits = jnp.where(mask[:, :, None] > 0, step_outputs, 0.0)
  labels = masked.zero(step_labels, mask)
  level = jnp.asarray(levels, logits.dtype)[None, None, :]
  short = labels[:, :, None] - jax.nn.sigmoid(logits)
  loss = jnp.mean(jnp.maximum(level * short, (level - 1) * short), axis=-1)
  middle = logits[:, :, (outputs - 1) // 2]
  agree = ((middle > 0) == (labels > 0.5)).astype(loss.dtype)
  metrics = {
    "step_accuracy": masked.zero(agree, mask),
    "below": masked.zero(jnp.mean((short < 0).astype(loss.dtype), axis=-1), mask),
  }
  return masked.zero(loss, mask), metrics

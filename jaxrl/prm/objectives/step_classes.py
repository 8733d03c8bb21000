"""Cross-entropy of three classes of steps. HGS-PRM, Ma et al., https://arxiv.org/abs/2310.10080.

  L_t = -log softmax(z_t)[c_t],  c_t = 0 negative, 1 neutral, 2 positive

at each labelled step t, of a label y_t: negative below -1/2, positive above 1/2, else
neutral, as `labels/hgs_prm` (code) and PRM800K's ratings (maths) are. The share of the
positive class, `class_share` with good 2 among (0, 1, 2), is the score of a step; the
search by classes is `search/hgs`.

`step_accuracy` is 1 where the likeliest class is c.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def step_classes(
  step_outputs: Float[Array, "B T C"],
  step_labels: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  outputs: int = 3,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Cross-entropy at each labelled step, 0 where masked."""
  if not step_outputs.shape[-1] == outputs == 3:
    raise ValueError(
      f"step_classes needs a step head of 3 outputs; outputs is {outputs} and the head "
      f"has {step_outputs.shape[-1]}"
    )
  logits = jnp.where(mask[:, :, None] > 0, step_outputs, 0.0)
  labels = masked.zero(step_labels, mask)
  of_class = jnp.where(labels > 0.5, 2, jnp.where(labels < -0.5, 0, 1))
  log_probs = jax.nn.log_softmax(logits, axis=-1)
  chosen = jnp.take_along_axis(log_probs, of_class[:, :, None], axis=-1)[:, :, 0]
  agree = (jnp.argmax(logits, axis=-1) == of_class).astype(chosen.dtype)
  metrics = {"step_accuracy": masked.zero(agree, mask)}
  return masked.zero(-chosen, mask), metrics

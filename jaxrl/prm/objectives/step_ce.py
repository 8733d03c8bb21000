"""Cross-entropy of two classes at each step. Qwen2.5-Math-PRM, Zhang et al., https://arxiv.org/abs/2501.07301.

  L_t = -y_t log softmax(z_t)[1] - (1 - y_t) log softmax(z_t)[0]

at each labelled step t; output 0 is "wrong", output 1 "right", and the score of a step
is softmax(z_t)[1]. Labels are hard, or soft as in Med-PRM (2506.11474). It is
`step_bce` on z[1] - z[0] with one output more; heads that were trained so are read with
it.

`step_accuracy` is 1 where softmax(z_t)[1] and y are on one side of 1/2.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def step_ce(
  step_outputs: Float[Array, "B T C"],
  step_labels: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  outputs: int = 2,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Cross-entropy at each labelled step, 0 where masked."""
  if not step_outputs.shape[-1] == outputs == 2:
    raise ValueError(
      f"step_ce needs a step head of 2 outputs; outputs is {outputs} and the head "
      f"has {step_outputs.shape[-1]}"
    )
  logits = jnp.where(mask[:, :, None] > 0, step_outputs, 0.0)
  labels = masked.zero(step_labels, mask)
  log_probs = jax.nn.log_softmax(logits, axis=-1)
  loss = -labels * log_probs[:, :, 1] - (1 - labels) * log_probs[:, :, 0]
  agree = (logits[:, :, 1] > logits[:, :, 0]) == (labels > 0.5)
  agree = masked.zero(agree.astype(loss.dtype), mask)
  return masked.zero(loss, mask), {"step_accuracy": agree}

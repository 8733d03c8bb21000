"""FreePRM: steps without labels, by a buffer class. Sun et al., https://arxiv.org/abs/2506.03570.

  p_t = softmax of three outputs: right, wrong, buffer
  L_t = -log(p_t[right] + u_t p_t[buffer])  where y_t is over 1/2
        -log(p_t[wrong] + u_t p_t[buffer])  else

at each labelled step t. In the paper y is a pseudo label, the outcome on every step
(the rule `freeprm` of prm/labels); a step that it does not fit may go to the buffer. At
u = 1 that costs nothing, for every step; so u is drawn from U(0, 1), for each step and
batch anew (`noise`), and the buffer counts in part. At u = 0 this is cross-entropy.

The law of u and where it stands are a plain choice: the sources seen do not give them.
The mean of L over u is 1 at p[buffer] = 1. A step's score is p[right] / (p[right] +
p[wrong]); `step_accuracy` is 1 where it is on the label's side of 1/2, and `buffer` is
p[buffer].

Id: freeprm
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def freeprm(
  step_outputs: Float[Array, "B T C"],
  step_labels: Float[Array, "B T"],
  noise: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  outputs: int = 3,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Cross-entropy with a buffer at each step, 0 where masked."""
  if not step_outputs.shape[-1] == outputs == 3:
    raise ValueError(
      f"freeprm needs a step head of 3 outputs; outputs is {outputs} and the head "
      f"has {step_outputs.shape[-1]}"
    )
  logits = jnp.where(mask[:, :, None] > 0, step_outputs, 0.0)
  log_probs = jax.nn.log_softmax(logits, axis=-1)
  right = masked.zero(step_labels, mask) > 0.5
  labelled = jnp.where(right, log_probs[:, :, 0], log_probs[:, :, 1])
  # The logarithm of u = 0 is -inf, which logaddexp takes, with a gradient of 0.
  buffer = jnp.log(masked.zero(noise, mask)) + log_probs[:, :, 2]
  loss = -jnp.logaddexp(labelled, buffer)
  agree = ((logits[:, :, 0] > logits[:, :, 1]) == right).astype(loss.dtype)
  metrics = {
    "step_accuracy": masked.zero(agree, mask),
    "buffer": masked.zero(jnp.exp(log_probs[:, :, 2]), mask),
  }
  return masked.zero(loss, mask), metrics

"""Three outcomes at every token. VGS, Wang et al., https://arxiv.org/abs/2505.17373.

  c_i = 2 incomplete, where the response was cut at the length limit
        1 correct,    else where score is over 1/2
        0 incorrect,  else
  L_t = -log softmax(z_t)[c_i]

at each token t of row i that the mask has: in the paper those behind a random prefix
that another model wrote. Their loss is a mean over each row, then over rows:
`sequence_mean`. The value of a prefix is softmax(z)[1] at its last token. Only class 1
has a place that the authors' code reads; the order of the other two, and that a cut
response is incomplete whatever its score, are choices.

`outcome_accuracy` is 1 where the likeliest class is the outcome's.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def outcome_classes(
  step_outputs: Float[Array, "B T C"],
  score: Float[Array, " B"],
  truncated: Float[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  outputs: int = 3,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Cross-entropy of the outcome at each token, 0 where masked."""
  if not step_outputs.shape[-1] == outputs == 3:
    raise ValueError(
      f"outcome_classes needs a step head of 3 outputs; outputs is {outputs} and the "
      f"head has {step_outputs.shape[-1]}"
    )
  logits = jnp.where(mask[:, :, None] > 0, step_outputs, 0.0)
  label = jnp.where(truncated > 0, 2, jnp.where(score > 0.5, 1, 0))
  chosen = jax.nn.one_hot(label, 3, dtype=logits.dtype)[:, None, :]
  loss = -jnp.sum(chosen * jax.nn.log_softmax(logits, axis=-1), axis=-1)
  agree = (jnp.argmax(logits, axis=-1) == label[:, None]).astype(loss.dtype)
  return masked.zero(loss, mask), {"outcome_accuracy": masked.zero(agree, mask)}

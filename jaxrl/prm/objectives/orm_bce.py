"""Outcome reward model: the outcome at every token. Cobbe et al., https://arxiv.org/abs/2110.14168.

  L_t = -y_i log sigmoid(z_t) - (1 - y_i) log(1 - sigmoid(z_t))

at each token t of row i that the mask has, y_i its `score` in 0..1. With the mask on
all tokens of a response the head learns, at each, how likely the whole is to end right;
with the mask on the last one alone it is a classifier of responses. The score of a
response is that of its last token.

Cross-entropy is what later work has; Cobbe et al. take the squared error and add the
language model's loss, as remembered.

`outcome_accuracy` is 1 where the prediction and y are on one side of 1/2.
"""

import jax
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def orm_bce(
  step_logits: Float[Array, "B T"],
  score: Float[Array, " B"],
  mask: Float[Array, "B T"],
) -> tuple[Float[Array, "B T"], Metrics]:
  """Cross-entropy of the outcome at each token, 0 where masked."""
  logits = masked.zero(step_logits, mask)
  labels = masked.per_token(score, mask)
  right, wrong = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
  loss = -labels * right - (1 - labels) * wrong
  agree = ((logits > 0) == (labels > 0.5)).astype(logits.dtype)
  return masked.zero(loss, mask), {"outcome_accuracy": masked.zero(agree, mask)}

"""Cross-entropy in which wrong steps weigh more. UHeads, Ni et al., https://arxiv.org/abs/2511.06209.

  p_t = sigmoid(z_t),  L_t = -y_t log p_t - wrong_weight (1 - y_t) log(1 - p_t)

at each labelled step t, on one logit z: `step_bce` where wrong_weight is 1. The head of
the authors gives the logit of an error, with the weight 3 on that class; here the sign
of z is that of other models of steps, and so p is their 1 - sigmoid. Labels are hard or
soft, from another model or from the model itself.

Its head is a small transformer on numbers of a frozen model (model.step_head
"attention" or "hidden", see `jaxrl.uncertainty`); config prm/uheads has both. A
solution's score is the least p of its steps, as the paper says nothing of it.

`step_accuracy` is 1 where p and y are on one side of 1/2.

Id: uheads
"""

import jax
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def uheads(
  step_logits: Float[Array, "B T"],
  step_labels: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  wrong_weight: float = 3.0,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Weighted cross-entropy at each labelled step, 0 where masked."""
  logits = masked.zero(step_logits, mask)
  labels = masked.zero(step_labels, mask)
  right, wrong = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
  loss = -labels * right - wrong_weight * (1 - labels) * wrong
  agree = ((logits > 0) == (labels > 0.5)).astype(logits.dtype)
  return masked.zero(loss, mask), {"step_accuracy": masked.zero(agree, mask)}

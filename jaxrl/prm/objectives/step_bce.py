"""Binary cross-entropy at each step. Math-Shepherd, Wang et al., https://arxiv.org/abs/2312.08935.

  p_t = sigmoid(z_t),  L_t = -y_t log p_t - (1 - y_t) log(1 - p_t)

at each labelled step t, on one logit z. Labels are hard, or soft: the share of
completions that are right, or its log-mean-exp (ER-PRM, 2412.11006); the least loss is
at p = y. OmegaPRM (2406.06592) and many others train with it. Where a paper reads the
logits of a good and a bad token, z is their difference.

`sequence_mean` is a mean over each solution's steps, `token_mean` one over all steps of
the batch; papers have both. `step_accuracy` is 1 where p and y are on one side of 1/2.
"""

import jax
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def step_bce(
  step_logits: Float[Array, "B T"],
  step_labels: Float[Array, "B T"],
  mask: Float[Array, "B T"],
) -> tuple[Float[Array, "B T"], Metrics]:
  """Cross-entropy at each labelled step, 0 where masked."""
  logits = masked.zero(step_logits, mask)
  labels = masked.zero(step_labels, mask)
  right, wrong = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
  loss = -labels * right - (1 - labels) * wrong
  agree = ((logits > 0) == (labels > 0.5)).astype(logits.dtype)
  return masked.zero(loss, mask), {"step_accuracy": masked.zero(agree, mask)}

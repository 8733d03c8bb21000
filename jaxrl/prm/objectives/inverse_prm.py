"""Experts from what one step adds. InversePRM, Choudhury, https://arxiv.org/abs/2502.10325.

  d_t = z_t - gamma z_(t+1),  d_T = z_T         of the T marked steps of row i
  L_t = -l_i log sigmoid(d_t) - (1 - l_i) log sigmoid(-d_t)

with z the head's logit Q(s_t, a_t) behind step t, and l the row's `score`: 1 where an
expert took the steps, 0 where the policy did. d is the reward that Q, as a value, says
step t had; the gradient flows through both terms. As many rows of experts as of the
policy are meant to be in the data, and those of all earlier policies.

The next action is the one that the row has. The authors draw it anew from the current
policy in experts' rows, which takes the environment to go on in. A row that was cut
off ends with its last marked step all the same. Labels of steps are not read.

`step_accuracy` is 1 where d and l - 1/2 have one sign.
"""

import jax
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def inverse_prm(
  step_logits: Float[Array, "B T"],
  score: Float[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  gamma: float = 0.95,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Cross-entropy at each marked step, 0 where masked."""
  added = masked.zero(step_logits, mask) - gamma * masked.next_token(step_logits, mask)
  expert = masked.per_token(score, mask)
  right, wrong = jax.nn.log_sigmoid(added), jax.nn.log_sigmoid(-added)
  loss = -expert * right - (1 - expert) * wrong
  agree = ((added > 0) == (expert > 0.5)).astype(added.dtype)
  return masked.zero(loss, mask), {"step_accuracy": masked.zero(agree, mask)}

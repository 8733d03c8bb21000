"""AlphaMath: one model is policy and value. Chen et al., https://arxiv.org/abs/2405.03553.

  CE = mean of -log pi over all response tokens of right paths; 0 without one
  MSE = sum over labelled step ends of (tanh z - Q)^2 / (their number + 0.001)
  L  = CE + value_coefficient MSE

Q in -1..1 is the label, of the search tree (`prm/labels/alphamath`). Wrong paths train
the value alone. Both means are over the batch of an optimiser step: the factors of the
features `per_right_token` and `per_labelled_step`, for the reduction `token_mean`. The
mask has to be on all tokens of the responses (`explore` recorded, `train` responses).

The value weighs 0.1, as remembered. log pi is tempered as rows are sampled: train at
temperature 1 what was sampled at 0.6. A path that was cut trains the tokens it has, and
the steps that end before them.

`nll` and `value_mse` are the two means, `step_accuracy` the share of step ends where V
and Q have one sign.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def alphamath(
  logp: Float[Array, "B T"],
  step_logits: Float[Array, "B T"],
  step_labels: Float[Array, "B T"],
  per_right_token: Float[Array, "B T"],
  per_labelled_step: Float[Array, "B T"],
  *,
  value_coefficient: float = 0.1,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Weighted sum of both terms at each token, 0 where neither has one."""
  nll = masked.zero(-logp, per_right_token) * per_right_token
  values = masked.zero(step_logits, per_labelled_step)
  targets = masked.zero(step_labels, per_labelled_step)
  error = (jnp.tanh(values) - targets) ** 2 * per_labelled_step
  agree = ((values > 0) == (targets > 0)).astype(values.dtype) * per_labelled_step
  metrics = {"nll": nll, "value_mse": error, "step_accuracy": agree}
  return nll + value_coefficient * error, metrics

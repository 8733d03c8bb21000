"""PQM: steps are ranked, not classified. Li and Li, https://arxiv.org/abs/2410.11287.

  W   = sum of exp(Q_w + zeta) over the wrong steps w
  l_i = -log(exp Q_i / (1 + W + sum of exp Q_j over the right steps j <= i))
  l_0 = -log(1 / (1 + W)),  only where there is a wrong step
  L   = mean over the terms present: l_0, and l_i of each right step i

Q is the head's raw output, the 1 that of a start whose Q is 0. Later right steps are to
have a higher Q than earlier ones and the start, and all of them than any wrong step, by
the margin zeta; W has all wrong steps, also those before i. A step is right where its
label is over 1/2.

l_i stands at its own step and l_0 at the first wrong one, each times (labelled steps) /
(terms present): so `sequence_mean` gives the mean over rows of L. A row that is all
wrong has l_0 only, and one that is all right no l_0. The authors' code adds 1e-5 to the
denominators against overflow; log-sum-exp needs none.

`step_accuracy` is 1 where Q is above the start's 0 and the step is right, or neither.
The score of a solution is the least Q of its steps.

Id: pqm
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics

# In place of -inf for what is left out of a sum: its exponential is 0 all the same, and
# differences of two of them are no NaN.
LEFT_OUT = -1e30


def pqm(
  step_logits: Float[Array, "B T"],
  step_labels: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  zeta: float = 4.0,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Each step's term of the ranking loss, 0 where masked."""
  values = masked.zero(step_logits, mask)
  right = (mask > 0) & (step_labels > 0.5)
  wrong = (mask > 0) & ~right
  rivals = jnp.where(wrong, values + zeta, LEFT_OUT)
  rivals = jax.nn.logsumexp(rivals, axis=1, keepdims=True)
  start_and_wrong = jnp.logaddexp(jnp.zeros_like(rivals), rivals)  # log(1 + W), [B, 1]
  up_to = jax.lax.cumlogsumexp(jnp.where(right, values, LEFT_OUT), axis=1)
  of_right = jnp.logaddexp(up_to, start_and_wrong) - values
  first_wrong = wrong & (jnp.cumsum(wrong, axis=1) == 1)
  of_start = jnp.where(first_wrong, start_and_wrong, 0.0)
  terms = jnp.where(right, of_right, of_start)
  present = (right | first_wrong).astype(values.dtype)
  count = jnp.maximum(jnp.sum(present, axis=1, keepdims=True), 1.0)
  scale = jnp.sum(mask, axis=1, keepdims=True) / count
  agree = masked.zero(((values > 0) == right).astype(values.dtype), mask)
  return masked.zero(terms * scale, mask), {"step_accuracy": agree}

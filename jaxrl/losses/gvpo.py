"""GVPO: group variance policy optimization. Zhang et al., https://arxiv.org/abs/2504.19599.

  R_i = beta log pi(y_i) / pi_old(y_i)
  L_i = 1/2 ((R_i - mean_g R) - (r_i - mean_g r))^2

repeated on each trained token of row i: use with `sequence_mean`. log pi(y) is the sum
over the trained tokens of response y. Centred on its group, the implicit reward R loses
the unknown log Z, and the loss is least where R equals the reward up to a constant: at
the optimum of reward - beta KL(pi || pi_old). pi_old is the paper's pi of the step
before.

mean_g R is detached. That changes no gradient where a group's rows weigh the same: the
residuals sum to 0, so what the mean adds to the gradient does too. Whole groups have to
be in a micro-batch. The mean over n rows is (n - 1) / n of the paper's code, which
divides by n - 1. Rows that are empty or unscored are in no mean and get 0; a row that
is alone has nothing to learn. `beta` of 0.1 is remembered of the paper's experiments,
not confirmed.

`residual` is (R_i - mean R) - (r_i - mean r).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments
from jaxrl.types import Metrics


def gvpo(
  logp: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  beta: float = 0.1,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-sequence loss on each trained token, 0 where masked."""
  log_ratio = masked.log_ratio(logp, logp_old, mask)
  implicit = beta * jnp.sum(log_ratio, axis=-1)
  counted = (scored > 0) & (jnp.sum(mask, axis=-1) > 0)
  weight = counted.astype(implicit.dtype)
  rewards = jnp.where(counted, rewards, 0.0)
  gap = implicit - rewards
  centre = jax.lax.stop_gradient(segments.mean(gap, group, weight))
  residual = jnp.where(counted, gap - centre, 0.0)
  loss = masked.per_token(0.5 * residual**2, mask)
  return loss, {"residual": masked.per_token(residual, mask)}

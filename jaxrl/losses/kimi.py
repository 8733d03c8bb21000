"""Online mirror descent of Kimi k1.5. Kimi Team, https://arxiv.org/abs/2501.12599.

  L_i = -A_i log pi(y_i) + tau / 2 (log pi(y_i) / pi_old(y_i))^2

repeated on each trained token of row i: use with `sequence_mean`. log pi(y) is the sum
over the trained tokens of response y. This is the loss whose gradient the paper gives
for its surrogate (r - tau log Z - tau log pi / pi_old)^2, tau log Z taken to be the
mean reward: A is the reward minus that of its group (`group_mean`), and pi_old the
policy that the iteration starts from. With advantages that differ along the row A_i log
pi(y_i) is the sum of A_t log pi_t.

The paper names no tau: 0.1 is ROLL's, whose kimi15 squares each token's log-ratio,
which is `dro`. Nothing divides by the length, so long responses weigh more; on policy
the gradient is that of `reinforce` under `sequence_sum`.

`log_ratio_squared` is what tau / 2 multiplies.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def kimi(
  logp: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  tau: float = 0.1,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-sequence loss on each trained token, 0 where masked."""
  log_ratio = masked.log_ratio(logp, logp_old, mask)
  squared = jnp.sum(log_ratio, axis=-1) ** 2
  gain = masked.zero(advantages, mask) * masked.zero(logp, mask)
  loss = 0.5 * tau * squared - jnp.sum(gain, axis=-1)
  metrics = {"log_ratio_squared": masked.per_token(squared, mask)}
  return masked.per_token(loss, mask), metrics

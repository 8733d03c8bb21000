"""FlowRL: matches the distribution of rewards. Zhu et al., https://arxiv.org/abs/2509.15207.

  d_i = log Z + mean_t log pi - beta A_i - mean_t log ref
  L_i = sg(clip(pi(y_i) / pi_old(y_i), weight[0], weight[1])) d_i^2

repeated on each trained token of row i: use with `sequence_mean`. Means are over the
trained tokens of the response; sg is the stop-gradient. log Z, learned, is what makes
ref * exp(beta A) a distribution; A is the reward, normalised within its group. The
ratio in the weight is of the whole response, a product. Its range is 1 +- the PPO clip
of 0.2, as the paper's text is remembered (not confirmed); the authors' code does not
clip (0 to inf) and verl's recipe has 0 to 10. Its logarithm is kept within +-20.

`log_partition` may differ along a row: each token then has its own d.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def flow_rl(
  logp: Float[Array, "B T"],
  log_partition: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  beta: float = 15.0,
  weight: tuple[float, float] = (0.8, 1.2),
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-sequence loss on each trained token, 0 where masked."""
  flow = masked.mean_per_row(masked.log_ratio(logp, logp_ref, mask), mask)
  reward = beta * masked.zero(advantages, mask)
  flow = jnp.broadcast_to(flow, mask.shape)
  residual = masked.zero(log_partition, mask) + flow - reward
  log_ratio = masked.log_ratio(jax.lax.stop_gradient(logp), logp_old, mask)
  total = jnp.clip(jnp.sum(log_ratio, axis=-1), -20.0, 20.0)
  scale = masked.per_token(jnp.clip(jnp.exp(total), *weight), mask)
  metrics = {"flow_weight": scale, "flow_residual": masked.zero(residual, mask)}
  return scale * masked.zero(residual, mask) ** 2, metrics

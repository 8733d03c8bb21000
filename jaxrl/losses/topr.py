"""TOPR: taper the negatives only. Le Roux et al., https://arxiv.org/abs/2503.14286.

  L_i,t = -w_i,t A_t log pi
  w_i,t = 1 where A_t >= 0, else sg(min(pi(y_i) / pi_old(y_i), ratio_cap))

Positives are learned as in supervised training, however unlikely they have become;
negatives fade as they become unlikely, so that old data cannot push without end. The
ratio is of the whole response, a product over its trained tokens. The paper's R(y), its
baseline taken off, is the advantage here; `ratio_cap` is its b-, 1.

The paper sums over a response's tokens: use with `sequence_sum`. ROLL and Trinity take
each token's own ratio; ROLL tells positives by the score, not by the advantage.

`weight` is what multiplies -A_t log pi.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def topr(
  logp: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  ratio_cap: float = 1.0,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  log_ratio = masked.log_ratio(jax.lax.stop_gradient(logp), logp_old, mask)
  # Bounded as each token's is, for a cap of infinity.
  total = jnp.clip(jnp.sum(log_ratio, axis=-1, keepdims=True), -20.0, 20.0)
  advantages = masked.zero(advantages, mask)
  tapered = jnp.minimum(jnp.exp(total), ratio_cap)
  weight = jnp.where(advantages < 0, tapered, 1.0)
  gain = weight * advantages * masked.zero(logp, mask)
  return masked.zero(-gain, mask), {"weight": masked.zero(weight, mask)}

"""KL(pi || ref) from samples of pi_old. DeepSeek-V3.2, https://arxiv.org/abs/2512.02556.

  L_t = coefficient * pi / pi_old * (exp(d) - 1 - d),  d = log ref - log pi

The ratio is not detached: value and gradient are then those of KL(pi || ref) in
expectation over tokens of pi_old, given the tokens before. TRL has it as
use_bias_correction_kl. The ratio is not clipped (OpenRLHF, whose gradient is that of k2
times the ratio, caps it at 10). The paper sets no coefficient; the default is `kl`'s.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import kl, masked
from jaxrl.types import Metrics


def kl_importance(
  logp: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  logp_ref: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  coefficient: float = 0.001,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token term, 0 where masked."""
  ratio = jnp.exp(masked.log_ratio(logp, logp_old, mask))
  value = ratio * kl.k3(logp, logp_ref, mask)
  return coefficient * value, {"kl_importance": value}

"""Policy gradient with a truncated importance weight. Espeholt et al., IMPALA, https://arxiv.org/abs/1802.01561.

  L_t = -sg(min(r_t, ratio_cap)) A_t log pi,  r_t = pi / pi_old

sg is the stop-gradient. `ratio_cap` is IMPALA's rho-bar, 1 in the paper; ROLL calls
the same loss TIS. IMPALA's V-trace targets are not here: the advantage is what the
run makes of it. An infinite cap gives the plain importance-weighted gradient; `cispo`
bounds either side.

`capped_fraction` counts weights that the cap changed.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def truncated_is(
  logp: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  ratio_cap: float = 1.0,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  ratio = jnp.exp(masked.log_ratio(jax.lax.stop_gradient(logp), logp_old, mask))
  weight = jnp.minimum(ratio, ratio_cap)
  gain = weight * masked.zero(advantages, mask) * masked.zero(logp, mask)
  capped = masked.zero((ratio > ratio_cap).astype(ratio.dtype), mask)
  metrics = {"ratio": masked.zero(ratio, mask), "capped_fraction": capped}
  return masked.zero(-gain, mask), metrics

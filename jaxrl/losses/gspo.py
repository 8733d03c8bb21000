"""GSPO: one clipped ratio a sequence. Zheng et al., https://arxiv.org/abs/2507.18071.

  s_i   = exp(mean_t (log pi - log pi_old)) = (pi(y_i) / pi_old(y_i))^(1 / |y_i|)
  L_i,t = -min(s_i A_i, clip(s_i, 1 - clip_low, 1 + clip_high) A_i)

repeated on each trained token of row i, so that `sequence_mean` gives the paper's
objective, eq. 5. The clip range is far narrower than PPO's, as s_i is a mean (section
5.1 has 3e-4 and 4e-4).

The advantage is meant to be one number a row. Where it differs along the row, the
losses are those of the formula with A_i,t, and all of them are differentiated through
the shared s_i: each token gets the mean of what the tokens' advantages ask for, as in
TRL and OpenRLHF. `gspo_token` gives each token its own, as verl does under the name
gspo. No dual clip, which none of them has here.

`clip_fraction` is 1 on the tokens of rows whose gradient the clip removes.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def gspo(
  logp: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  clip_low: float = 3e-4,
  clip_high: float = 4e-4,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-sequence loss on each trained token, 0 where masked."""
  log_ratio = masked.log_ratio(logp, logp_old, mask)
  ratio = jnp.exp(masked.mean_per_row(log_ratio, mask))
  advantages = masked.zero(advantages, mask)
  clipped = jnp.clip(ratio, 1 - clip_low, 1 + clip_high)
  gain = jnp.minimum(ratio * advantages, clipped * advantages)
  removed = masked.zero((gain != ratio * advantages).astype(ratio.dtype), mask)
  metrics = {
    "ratio": masked.per_token(ratio[:, 0], mask),
    "clip_fraction": removed,
  }
  return masked.zero(-gain, mask), metrics

"""IcePop: no weight where trainer and sampler disagree. Ring-1T, https://arxiv.org/abs/2510.18855.

  w_t = k_t where low <= k_t <= high, else 0,  k_t = pi_old / b

b is the distribution that the token was drawn from, pi_old the policy before this
batch's first update. Tokens outside stay in the denominators; a selector such as
`reject_k1` takes them out. None leaves a side open. TRL's token_mask is low None and
high 3; AReaL's cap of the decoupled weight is low None and high the cap.

`is_rejected` counts tokens outside the band.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def icepop(
  logp_old: Float[Array, "B T"],
  logp_sampling: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  low: float | None = 0.5,
  high: float | None = 5.0,
) -> tuple[Float[Array, "B T"], Metrics]:
  """One factor a token, 0 where masked."""
  ratio = jnp.exp(masked.log_ratio(logp_old, logp_sampling, mask))
  outside = ratio != jnp.clip(ratio, low, high)
  weight = masked.zero(jnp.where(outside, 0.0, ratio), mask)
  rejected = masked.zero(outside.astype(ratio.dtype), mask)
  return weight, {"is_weight": weight, "is_rejected": rejected}

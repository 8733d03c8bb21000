"""Rejects responses by their geometric mean ratio. Liu et al., https://yingru.notion.site/When-Speed-Kills-Stability-271211a558b7808d8b12d403fd15edda.

  m_i,t = 0 unless low <= exp(mean_s log(pi_old / b)) <= high

with the mean over the trained tokens s of response i, b the distribution that they were
drawn from and pi_old the policy before this batch's first update. Unlike the product of
`sequence_icepop` it does not depend on the length. The band is that of verl's presets,
0.999 to 1.001, meant for a sampler that differs from the trainer by rounding alone;
wider where b is truncated or older. None leaves a side open.

The same as `reject_k1` with `mean` from -log high to -log low, which is where verl has
it (and thereby a band of 1/high to 1/low).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def reject_geometric(
  logp_old: Float[Array, "B T"],
  logp_sampling: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  low: float | None = 0.999,
  high: float | None = 1.001,
) -> Float[Array, "B T"]:
  """The mask of the rows inside the band."""
  log_ratio = masked.log_ratio(logp_old, logp_sampling, mask)
  ratio = jnp.exp(masked.mean_per_row(log_ratio, mask))
  inside = jnp.broadcast_to(ratio == jnp.clip(ratio, low, high), mask.shape)
  return jnp.where(inside, mask, 0.0)

"""Squared error of the critic, clipped around its old estimate. Schulman et al., https://arxiv.org/abs/1707.06347.

  L_t = coefficient max((V_t - R_t)^2, (V'_t - R_t)^2)
  V'_t = clip(V_t, V_old,t - clip, V_old,t + clip)

with R the `returns` and V_old the critic before this batch's first update. The clip is
of the code that came with the paper (OpenAI Baselines), not in its text; as there, in
TRL and in verl it is 0.2 in the units of the return. OpenRLHF has 0.5. `clip` None is
the plain squared error.

`value_clip_fraction` counts tokens whose gradient the clip removes.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def value_clip(
  values: Float[Array, "B T"],
  values_old: Float[Array, "B T"],
  returns: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  clip: float | None = 0.2,
  coefficient: float = 0.5,
) -> tuple[Float[Array, "B T"], Metrics]:
  """Per-token loss, 0 where masked."""
  values, old, target = (masked.zero(x, mask) for x in (values, values_old, returns))
  free = error = (values - target) ** 2
  if clip is not None:
    bounded = jnp.clip(values, old - clip, old + clip)
    error = jnp.maximum(free, (bounded - target) ** 2)
  clipped = masked.zero((error != free).astype(error.dtype), mask)
  metrics = {
    "value_error": masked.zero(free, mask),
    "value_clip_fraction": clipped,
  }
  return coefficient * masked.zero(error, mask), metrics

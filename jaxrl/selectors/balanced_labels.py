"""As many right steps as wrong ones. FoVer, Kamoi et al., https://arxiv.org/abs/2505.15960.

  of the last steps of responses, and of the others apart from them:
  n = min(right, wrong);  n right and n wrong ones train, drawn at random

so that the step that is judged is right half of the time. The paper draws its training
set so once; here each batch is drawn, so that a kind of which it has no right or no
wrong step gives nothing. A step is right where its label is at least `threshold`.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxrl import masked


def balanced_labels(
  mask: Float[Array, "B T"],
  step_labels: Float[Array, "B T"],
  noise: Float[Array, "B T"],
  *,
  threshold: float = 0.5,
) -> Float[Array, "B T"]:
  """The mask of the labelled steps that train."""
  last = masked.last_token(mask) > 0
  right = step_labels >= threshold
  kept = jnp.zeros(mask.shape, bool)
  for kind in (last, (mask > 0) & ~last):
    count = jnp.minimum(jnp.sum(kind & right), jnp.sum(kind & ~right))
    kept |= _least(kind & right, noise, count) | _least(kind & ~right, noise, count)
  return jnp.where(kept, mask, 0.0)


def _least(
  among: Bool[Array, "B T"], noise: Float[Array, "B T"], count: Array
) -> Bool[Array, "B T"]:
  """Those `count` with the least noise."""
  ordered = jnp.sort(jnp.where(among, noise, jnp.inf).reshape(-1))
  limit = ordered[jnp.maximum(count - 1, 0)]
  return among & (noise <= limit) & (count > 0)

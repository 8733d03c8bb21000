"""The probability of the good class among those that count. Sun et al. (FreePRM), https://arxiv.org/abs/2506.03570.

  p = softmax(z over `among`)[good]

Two outputs (wrong, right) with `among` (0, 1): Qwen's and Math-Shepherd's PRMs.
FreePRM, with outputs (right, wrong, buffer), leaves the buffer out: good 0, among
(0, 1). VGS asks for class 1 of (incorrect, correct, incomplete) among all three.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def class_share(
  step_outputs: Float[Array, "B T C"],
  mask: Float[Array, "B T"],
  *,
  good: int = 1,
  among: tuple[int, ...] = (0, 1),
) -> Float[Array, "B T"]:
  """Scores where the mask is on, 0 elsewhere.

  Raises:
    ValueError: `good` is not among those that count.
  """
  if good not in among:
    raise ValueError(f"class_share: good {good} is not among {among}")
  kept = jnp.stack([masked.zero(step_outputs[..., i], mask) for i in among], axis=-1)
  share = jax.nn.softmax(kept, axis=-1)[..., among.index(good)]
  return masked.zero(share, mask)

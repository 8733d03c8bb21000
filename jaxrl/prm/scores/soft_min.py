"""PURE's smooth minimum. Cheng et al., https://arxiv.org/abs/2504.15275.

  w = softmax_k(-p_k / temperature),  R = sum_k w_k p_k

which tends to the minimum as the temperature goes to 0 and to the mean as it grows; it
lies between the two. Repeating a good step hardly moves it. PURE's p_k are p(good) -
p(bad), in (-1, 1); any range of scores serves. The weights are differentiated too
(they are constants in PURE, where R is a reward). A row without a step has 0.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def soft_min(
  step_scores: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  temperature: float = 0.1,
) -> Float[Array, " B"]:
  """One score a row."""
  scores = masked.zero(step_scores, mask)
  # Low, not -inf: a row without a step must not become NaN.
  logits = jnp.where(mask > 0, -scores / temperature, -1e30)
  weights = jax.nn.softmax(logits, axis=-1)
  return masked.sum_per_row(weights * scores, mask)[:, 0]

"""Dense rewards of code, line by line. Dai et al., https://arxiv.org/abs/2410.17621.

  r_k = lambda_ (scale p_k + shift) / K    on the last token of line k

with p_k the score of line k and K the number of the response's lines that have one: so
more lines do not pay, and the sum is lambda_ times the mean. The paper's scores are
meant as in [-1, 1] (labels are +1 before the first bad line and -1 from it on): of
scores in 0..1, as all readouts give, that is scale 2 and shift -1. Without the division
it is `prm_step`. It is added to `accuracy`, the unit tests' verdict. Steps have to be
lines. Comments and blank lines are to be neutral: as `steps/code_lines` cuts, they are
no steps, and neither earn nor count. lambda_ is not in what could be read of the paper;
0.25 is small beside the verdict.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def prm_lines(
  step_scores: Float[Array, "B T"],
  step_scored: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  lambda_: float = 0.25,
  scale: float = 1.0,
  shift: float = 0.0,
) -> Float[Array, "B T"]:
  """One reward a scored line, 0 elsewhere."""
  ends = masked.zero(step_scored, mask)
  lines = jnp.maximum(jnp.sum(ends, axis=1, keepdims=True), 1.0)
  scores = masked.zero(scale * step_scores + shift, ends)
  return lambda_ * scores / lines

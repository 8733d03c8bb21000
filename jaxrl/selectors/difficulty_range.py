"""Only prompts of middling difficulty. PRIME, Cui et al., https://arxiv.org/abs/2502.01456.

  m_it = 0 unless low <= mean_j score_j <= high over the rows j of i's group

Both ends are inside, up to rounding. Bae et al., https://arxiv.org/abs/2504.03380, show
that balanced ends are best. Where the papers are silent: rows without a score count for
nothing and do not train; groups without any are left out.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import segments


def difficulty_range(
  mask: Float[Array, "B T"],
  score: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  *,
  low: float = 0.2,
  high: float = 0.8,
) -> Float[Array, "B T"]:
  """The mask without prompts that are too easy or too hard."""
  mean = segments.mean(score, group, scored)
  inside = (mean >= low - 1e-6) & (mean <= high + 1e-6)
  keep = inside & (scored > 0)
  return jnp.where(keep[:, None], mask, 0.0)

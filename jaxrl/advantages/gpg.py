"""GPG: group mean, scaled up for groups without gradient. Chu et al., https://arxiv.org/abs/2504.02546.

  A_i = alpha (r_i - mean_g),  alpha = B / (B - M)

with B the scored rows of the batch and M those of groups whose rewards are all equal:
these give no gradient, yet count in the denominator of the loss. Counted in rows here,
so that groups may differ in size; the paper's groups are all of one size. The paper's
F_norm is 1. Its text was not at hand and summaries differ in alpha: this form undoes
the dilution by silent groups. Assumed: unscored rows and rows that are alone get 0, and
the latter count in M; a spread within rounding counts as none. verl's alpha is the
number of rows over the number of rows with a reward other than 0, which is another
quantity.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def gpg(
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  spread = segments.has_spread(rewards, group, scored)
  informative = jnp.sum(spread.astype(scored.dtype))
  alpha = jnp.sum(scored) / jnp.maximum(informative, 1.0)
  centred = rewards - segments.mean(rewards, group, scored)
  return masked.per_token(jnp.where(spread, alpha * centred, 0.0), mask)

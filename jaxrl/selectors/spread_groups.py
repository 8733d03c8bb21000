"""Zero-variance filtering: only groups whose rewards differ.

ScaleRL, https://arxiv.org/abs/2510.13786, section 3.2.

  m_it = 0 unless max_j r_j > min_j r_j over the rows j of i's group

It reads the shaped reward, of which the advantage is made; `informative_groups` reads
the verifier's score. Such groups have no advantage anyway: what changes is that they no
longer count in the denominators of the reduction, nor train through a regularizer.
Differing means by more than rounding. Rows without a score count for nothing and do not
train, so a group with one scored row is left out.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import segments


def spread_groups(
  mask: Float[Array, "B T"],
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
) -> Float[Array, "B T"]:
  """The mask without groups of equal rewards."""
  keep = segments.has_spread(rewards, group, scored)
  return jnp.where(keep[:, None], mask, 0.0)

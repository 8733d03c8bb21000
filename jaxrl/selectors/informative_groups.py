"""Dynamic sampling: only prompts that are neither solved nor failed by every row.

DAPO, https://arxiv.org/abs/2503.14476, section 3.2.

  m_it = 0 unless 0 < |{j in g : answer j is right}| < G

For graded scores: groups whose scores differ, by more than rounding. It reads the
verifier's score, not the shaped reward: a length penalty makes no prompt informative
(see `spread_groups`). Where the paper is silent: rows without a score count for nothing
and do not train, so a group with one scored row is left out. The paper goes on to draw
until the batch is full, which is the loop's work.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import segments


def informative_groups(
  mask: Float[Array, "B T"],
  score: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
) -> Float[Array, "B T"]:
  """The mask without uninformative groups."""
  keep = segments.has_spread(score, group, scored)
  return jnp.where(keep[:, None], mask, 0.0)

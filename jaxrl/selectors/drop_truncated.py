"""Overlong filtering: responses cut at the length limit do not train.

DAPO, https://arxiv.org/abs/2503.14476, section 3.4.

  m_it = 0 for truncated i

Their rewards still enter the baseline of their group.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def drop_truncated(
  mask: Float[Array, "B T"], truncated: Float[Array, " B"]
) -> Float[Array, "B T"]:
  """The mask without truncated rows."""
  return jnp.where(truncated[:, None] > 0, 0.0, mask)

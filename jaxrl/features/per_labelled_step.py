"""What turns a mean over tokens into one over labelled steps. Chen et al. (AlphaMath), https://arxiv.org/abs/2405.03553.

  f_it = N / (n + 0.001)   where a labelled step is read, else 0

N is the number of the batch's trained tokens and n of those at which a labelled step is
read. A loss times f under `token_mean` is its sum over the n places, divided by
n + 0.001 as in the authors' code, whatever else trains beside them.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def per_labelled_step(
  mask: Float[Array, "B T"], step_labelled: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """Factors on the tokens behind labelled steps."""
  ends = masked.zero(step_labelled, mask)
  return ends * (jnp.sum(mask) / (jnp.sum(ends) + 1e-3))

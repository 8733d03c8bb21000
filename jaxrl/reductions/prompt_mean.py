"""Every prompt counts the same. ScaleRL, Khatri et al., https://arxiv.org/abs/2510.13786.

  w_it = m_it / n_g / P',  n_g = trained tokens of group g of row i,
                           P' = groups with at least one token

Within a prompt every token counts the same, so long responses weigh more than short
ones to the same prompt, but a prompt with long responses no more than another. The
paper's recipe takes it ("prompt average"). Where the paper is silent: fully masked rows
bring no tokens, and a prompt all of whose rows are fully masked is not counted in P'.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def prompt_mean(
  mask: Float[Array, "B T"], group: Int[Array, " B"]
) -> Float[Array, "B T"]:
  """Weights that sum to 1."""
  tokens = jax.ops.segment_sum(
    jnp.sum(mask, axis=-1), group, num_segments=mask.shape[0]
  )
  prompts = jnp.sum(tokens > 0, dtype=mask.dtype)
  own = jnp.maximum(tokens[group], 1.0)
  return mask / own[:, None] / jnp.maximum(prompts, 1.0)

"""Attention with all its scores at once: what the library's ways are compared with."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxrl.models.attention import UNSEEN


def attention(
  q: Float[Array, "B T K G h"],
  k: Float[Array, "B S K h"],
  v: Float[Array, "B S K h"],
  seen: Bool[Array, "B T S"],
  softcap: float | None,
) -> Float[Array, "B T K G h"]:
  """Softmax attention, G query heads to a kv head; a query that sees nothing gets 0."""
  scores = jnp.einsum("btkgh,bskh->bkgts", q, k, preferred_element_type=jnp.float32)
  if softcap is not None:
    scores = jnp.tanh(scores / softcap) * softcap
  scores = jnp.where(seen[:, None, None], scores, UNSEEN)
  weights = jax.nn.softmax(scores, axis=-1).astype(v.dtype)
  out = jnp.einsum("bkgts,bskh->btkgh", weights, v)
  return jnp.where(seen.any(-1)[:, :, None, None, None], out, 0)

"""A small transformer that says whether a step is right, from a model's inner numbers.

UHeads, Ni et al., https://arxiv.org/abs/2511.06209, after the authors' head for claims:

  h_t = gelu(norm(W2 gelu(norm(W1 x_t)))) + E[t in the step]
  z   = classifier(mean of encoder(h) over the step's tokens)

with x_t numbers of token t, two learnt vectors E, and no embedding of positions. The
encoder sees the response up to the step's end.
"""

from typing import Literal

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


class UncertaintyHead(nn.Module):
  """One logit a row, of one step of it; 0 before training.

  Without the paper's dropout, so that an update is a function of its inputs.
  """

  reads: Literal["attention", "hidden"] = "attention"  # see `jaxrl.uncertainty`
  width: int = 256
  layers: int = 2
  heads: int = 8
  outputs: int = 1  # as of other heads on steps

  @nn.compact
  def __call__(
    self,
    features: Float[Array, "B T F"],
    inside: Bool[Array, "B T"],
    seen: Bool[Array, "B T"],
  ) -> Float[Array, " B"]:
    """The logit that the step is right.

    Args:
      features: of each token.
      inside: whether it belongs to the step.
      seen: whether it belongs to the response so far, the step included.
    """
    x = features.astype(jnp.float32)
    for layer in range(2):
      x = _dense(self.width, f"in_{layer}")(x)
      x = nn.gelu(_norm(f"in_norm_{layer}")(x))
    normal = nn.initializers.normal(1.0)
    marks: Array = self.param("marks", normal, (2, self.width), jnp.float32)
    x = x + jnp.take(marks, inside.astype(jnp.int32), axis=0)
    for layer in range(self.layers):
      x = EncoderLayer(self.width, self.heads, name=f"layer_{layer}")(x, seen)
    kept = jnp.where(inside[..., None], x, 0.0)
    count = jnp.maximum(jnp.sum(inside, axis=1), 1)
    mean = jnp.sum(kept, axis=1) / count[:, None]
    mean = nn.gelu(_norm("out_norm")(_dense(self.width, "out")(mean)))
    zeros = nn.initializers.zeros
    return nn.Dense(1, name="last", kernel_init=zeros)(mean)[..., 0]


class EncoderLayer(nn.Module):
  """Attention over what is seen, and a feed-forward; each added, then normalised."""

  width: int
  heads: int

  @nn.compact
  def __call__(
    self, x: Float[Array, "B T W"], seen: Bool[Array, "B T"]
  ) -> Float[Array, "B T W"]:
    """The tokens after the layer; what is not seen may hold anything finite."""
    attention = nn.MultiHeadDotProductAttention(self.heads, name="attention")
    y = attention(x, x, mask=seen[:, None, None, :])
    x = _norm("norm_0")(x + y)
    y = _dense(self.width, "down")(nn.relu(_dense(4 * self.width, "up")(x)))
    return _norm("norm_1")(x + y)


def _dense(features: int, name: str) -> nn.Dense:
  return nn.Dense(features, name=name, param_dtype=jnp.float32)


def _norm(name: str) -> nn.LayerNorm:
  return nn.LayerNorm(name=name, use_fast_variance=False)

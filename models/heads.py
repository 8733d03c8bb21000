"""Heads on the decoder's hidden states: values, and scores of reasoning steps."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl.models.layers import named


class ValueHead(nn.Module):
  """A scalar per token, in float32; starts at 0, so that it starts unbiased."""

  @nn.compact
  def __call__(self, hidden: Float[Array, "B T D"]) -> Float[Array, "B T"]:
    """One value for each hidden state."""
    return _dense(self, hidden, 1)[..., 0]


class StepRewardHead(nn.Module):
  """Logits at the ends of reasoning steps, in float32.

  One class gives [B, S] (a logit of "the step is right"), more give [B, S, classes].
  """

  classes: int = 1

  @nn.compact
  def __call__(
    self, hidden: Float[Array, "B T D"], step_ends: Int[Array, "B S"]
  ) -> Float[Array, "B S"] | Float[Array, "B S classes"]:
    """`step_ends` are token indices, -1 where a row has fewer steps: those give 0."""
    real = (step_ends >= 0)[..., None]
    index = jnp.maximum(step_ends, 0)[..., None]
    ends = jnp.take_along_axis(hidden, index, axis=1)
    logits = jnp.where(real, _dense(self, ends, self.classes), 0.0)
    return logits[..., 0] if self.classes == 1 else logits


class PartitionHead(nn.Module):
  """FlowRL's log Z of a prompt: a three-layer MLP on its mean hidden state.

  https://arxiv.org/abs/2509.15207, appendix; without its dropout, so that an update is
  a function of its inputs. The last layer starts at 0: Z starts at 1.
  """

  @nn.compact
  def __call__(self, hidden: Float[Array, "B D"]) -> Float[Array, " B"]:
    """One log Z for each prompt."""
    x = hidden.astype(jnp.float32)
    width = x.shape[-1]
    for layer in range(2):
      x = nn.Dense(width, name=f"hidden_{layer}", param_dtype=jnp.float32)(x)
      x = nn.LayerNorm(name=f"norm_{layer}", use_fast_variance=False)(nn.gelu(x))
    return _dense(self, x, 1)[..., 0]


def _dense(module: nn.Module, x: Array, features: int) -> Array:
  """A float32 linear map inside `module`: parameters `kernel` and `bias`."""
  zeros = nn.initializers.zeros
  kernel: Array = module.param(
    "kernel",
    named(zeros, ("embed", "classes")),
    (x.shape[-1], features),
    jnp.float32,
  )
  bias: Array = module.param(
    "bias", named(zeros, ("classes",)), (features,), jnp.float32
  )
  y = x.astype(jnp.float32) @ kernel
  return y + jnp.broadcast_to(bias, y.shape)

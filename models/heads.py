"""Heads on the decoder's hidden states: values, and scores of reasoning steps."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl.models.layers import named


class ValueHead(nn.Module):
  """A scalar per token, in float32; starts at 0, so that it starts unbiased."""

  @nn.compact
  def __call__(self, hidden: Float[Array, "B T D"]) -> Float[Array, "B T"]:
    """One value for each hidden state."""
    return _dense(self, hidden, 1)[..., 0]


class StepHead(nn.Module):
  """What a process reward model says of the step that ends at a state, in float32.

  A linear map, or one hidden layer of ReLUs below it. The last layer starts at 0, so
  that every step is as likely right as wrong at first.
  """

  outputs: int = 1
  hidden: int = 0  # width of the layer below; 0: none

  @nn.compact
  def __call__(self, states: Float[Array, "... D"]) -> Float[Array, "... C"]:
    """`outputs` numbers for each hidden state."""
    x = states.astype(jnp.float32)
    if self.hidden:
      x = nn.relu(nn.Dense(self.hidden, name="below", param_dtype=jnp.float32)(x))
    return _dense(self, x, self.outputs)


class EnsembleHead(StepHead):
  """Outputs that share no layer, each an MLP of two hidden layers, drawn at random.

  Heads that start at 0, or share what is below them, get the same gradient and stay
  the same: they would never disagree, which is all that an ensemble is for.
  """

  @nn.compact
  def __call__(self, states: Float[Array, "... D"]) -> Float[Array, "... C"]:
    """`outputs` numbers for each hidden state."""
    apart = nn.vmap(
      _Mlp,
      in_axes=None,
      out_axes=-1,
      axis_size=self.outputs,
      variable_axes={"params": 0},
      split_rngs={"params": True},
    )
    return apart(self.hidden, name="heads")(states.astype(jnp.float32))


class _Mlp(nn.Module):
  """One number for each state."""

  hidden: int

  @nn.compact
  def __call__(self, x: Float[Array, "... D"]) -> Float[Array, "..."]:
    for layer in range(2):
      dense = nn.Dense(self.hidden, name=f"hidden_{layer}", param_dtype=jnp.float32)
      x = nn.relu(dense(x))
    return nn.Dense(1, name="last", param_dtype=jnp.float32)(x)[..., 0]


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

"""A weight from what the model says. DreamPRM-1.5, Cao and Xie, https://arxiv.org/abs/2509.05542.

  p_t = softmax(z_t),  a_t = v . leaky_relu(W (p_t[1], p_t[0]) + b) + c
  w_i = sigmoid(mean_t a_t)        over the labelled steps t of row i

with z the step head's outputs (wrong, right): the paper's Instance Net, two numbers in,
`hidden` units, one number out. `activation` "clip" is clip(mean_t a_t, -1, 3), the
default of the authors' code, where their run script has the sigmoid.

What the net reads is no function of it: the gradient stays in W, b, v and c. The
authors' code lets it flow on into the model. The slope of leaky_relu is 0.01. A row
without a labelled step has the weight of a mean of 0, and no loss to weigh.
"""

from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def dreamprm_1_5_net(
  weight_net: Any,
  step_outputs: Float[Array, "B T C"],
  mask: Float[Array, "B T"],
  *,
  hidden: int = 10,
  activation: Literal["sigmoid", "clip"] = "sigmoid",
) -> Float[Array, " B"]:
  """A weight for each row; `hidden` is the width that the net is made with."""
  if weight_net["below"].shape != (2, hidden):
    raise ValueError(
      f"dreamprm_1_5_net: hidden is {hidden}, the net has {weight_net['below'].shape}"
    )
  if step_outputs.shape[-1] != 2:
    raise ValueError(
      "dreamprm_1_5_net reads a step head of 2 outputs; the head has "
      f"{step_outputs.shape[-1]}"
    )
  logits = jnp.where(mask[:, :, None] > 0, step_outputs, 0.0)
  right_wrong = jax.lax.stop_gradient(jax.nn.softmax(logits, axis=-1))[..., ::-1]
  bias = jnp.broadcast_to(weight_net["bias"], (*mask.shape, hidden))
  inner = jax.nn.leaky_relu(right_wrong @ weight_net["below"] + bias)
  each = inner @ weight_net["last"] + weight_net["offset"]
  of_row = masked.mean_per_row(each, mask)[:, 0]
  return jax.nn.sigmoid(of_row) if activation == "sigmoid" else jnp.clip(of_row, -1, 3)

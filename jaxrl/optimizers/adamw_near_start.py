"""AdamW that holds a step head near its first values. Duan et al. (ActPRM), https://arxiv.org/abs/2504.10559.

  R = coefficient mean_k (theta_k - theta_k^0)^2,  gradient + dR / dtheta

over all K numbers of the step head, theta^0 as they were before the first step; nothing
else is held. So the heads of an ensemble do not all become the same. A loss does not
see parameters, so the term's gradient is added here: behind the clipping of the loss's,
before Adam's moments, and the term is in no metric. With a coefficient of 0, as with
one head in the paper, it is `adamw`. The paper's other scaling, times the batch's rows,
is not here.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax


def adamw_near_start(
  learning_rate: optax.ScalarOrSchedule,
  *,
  coefficient: float = 0.5,
  b1: float = 0.9,
  b2: float = 0.999,
  eps: float = 1e-8,
  weight_decay: float = 0.0,
) -> optax.GradientTransformation:
  """optax.adamw behind the gradient of the term."""
  adamw = optax.adamw(learning_rate, b1=b1, b2=b2, eps=eps, weight_decay=weight_decay)
  return optax.chain(near_start(coefficient), adamw)


def near_start(coefficient: float) -> optax.GradientTransformation:
  """Adds the gradient of R to those of the step head; the state is theta^0."""

  def init(params: Any) -> Any:
    # New buffers: the parameters are donated to the first update.
    return jax.tree.map(jnp.copy, params.get("step_head", {}))

  def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
    if not state:
      return updates, state
    count = sum(leaf.size for leaf in jax.tree.leaves(state))
    pull = lambda g, now, first: g + 2 * coefficient / count * (now - first)
    held = jax.tree.map(pull, updates["step_head"], params["step_head"], state)
    return {**updates, "step_head": held}, state

  return optax.GradientTransformation(init, update)

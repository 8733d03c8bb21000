"""One optimiser step on one batch of rollouts: the only gradient in the library."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxrl.pick import call, needs
from jaxrl.types import Metrics, PolicyOutputs, Rollouts, TrainState, Tree

# (trained parameters, frozen parameters, rows, fields of PolicyOutputs to compute)
ForwardFn = Callable[[Tree, Tree, Rollouts, tuple[str, ...]], PolicyOutputs]


@dataclasses.dataclass(frozen=True)
class Objective:
  """A loss, terms added to it, and the weights under which tokens are summed."""

  loss: Callable
  reduction: Callable
  regularizers: tuple[Callable, ...] = ()

  @property
  def needs(self) -> tuple[str, ...]:
    """Every array that some part reads, by name."""
    parts = (self.loss, *self.regularizers, self.reduction)
    return tuple(sorted({name for part in parts for name in needs(part)}))

  def per_token(self, outputs: PolicyOutputs, batch: Rollouts) -> tuple[Any, Metrics]:
    """The sum of the parts, [B, T], and their metrics, [B, T] each."""
    total, metrics = call(self.loss, outputs, batch)
    metrics = {"policy_loss": total, **metrics}
    for term in self.regularizers:
      value, more = call(term, outputs, batch)
      total = total + value
      metrics |= more
    return total, {"loss": total, **metrics}


def make_optimizer(
  transform: optax.GradientTransformation, *, max_grad_norm: float
) -> optax.GradientTransformation:
  """Clips by global norm (0: no clipping) and skips updates that are not finite."""
  if max_grad_norm > 0:
    transform = optax.chain(optax.clip_by_global_norm(max_grad_norm), transform)
  # Skipped however many come in a row: they are counted, and the loop reports them.
  return optax.apply_if_finite(transform, max_consecutive_errors=2**31 - 1)


def init_state(params: Tree, optimizer: optax.GradientTransformation) -> TrainState:
  """The state before the first step."""
  return TrainState(jnp.zeros((), jnp.int32), params, optimizer.init(params))


def make_train_step(
  forward: ForwardFn,
  objective: Objective,
  optimizer: optax.GradientTransformation,
  *,
  micro_batches: int = 1,
) -> Callable[[TrainState, Tree, Rollouts], tuple[TrainState, Metrics]]:
  """The pure step `(state, frozen, batch) -> (state, metrics)`.

  Weights are made on the whole batch before it is split, so the number of micro-batches
  changes memory and nothing else. Metrics are means under those weights, besides
  `grad_norm` (before clipping), `skipped_updates` (since the run began) and
  `sampler_gap`, the largest |log-prob rescored - log-prob of the sampler|: 0 but for
  rounding at a batch's first update, the policy's drift at later ones.
  """
  outputs_needed = tuple(
    f.name for f in dataclasses.fields(PolicyOutputs) if f.name in objective.needs
  )

  def loss_on(params, frozen, batch, weights):
    outputs = forward(params, frozen, batch, outputs_needed)
    total, metrics = objective.per_token(outputs, batch)
    summed = jax.tree.map(lambda x: jnp.sum(x * weights), metrics)
    gap = jnp.abs(outputs.logp - batch.logp_old)
    # NaN must show, and a maximum over micro-batches does not let it pass unseen.
    gap = jnp.max(jnp.where(batch.mask > 0, gap, 0.0))
    return jnp.sum(total * weights), (summed, jax.lax.stop_gradient(gap))

  grad_fn = jax.grad(loss_on, has_aux=True)

  def train_step(
    state: TrainState, frozen: Tree, batch: Rollouts
  ) -> tuple[TrainState, Metrics]:
    weights = call(objective.reduction, batch)
    split = lambda x: x.reshape(micro_batches, -1, *x.shape[1:])
    micro = jax.tree.map(split, (batch, weights))

    def body(carry, rows):
      grads, metrics, gap = carry
      new_grads, (new_metrics, new_gap) = grad_fn(state.params, frozen, *rows)
      added = jax.tree.map(jnp.add, (grads, metrics), (new_grads, new_metrics))
      return (*added, jnp.maximum(gap, new_gap)), None

    one = jax.tree.map(lambda x: x[0], micro)
    grads, (metrics, gap) = jax.eval_shape(grad_fn, state.params, frozen, *one)
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), (grads, metrics, gap))
    (grads, metrics, gap), _ = jax.lax.scan(body, zeros, micro)
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = {
      **metrics,
      "grad_norm": optax.tree.norm(grads),
      "sampler_gap": gap,
      "skipped_updates": opt_state.total_notfinite,
    }
    return TrainState(state.step + 1, params, opt_state), metrics

  return train_step

"""One optimiser step on one batch of rollouts: the only gradient in the library."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxrl import pick
from jaxrl.objective import Objective
from jaxrl.slices import by_parts
from jaxrl.types import Metrics, PolicyOutputs, Rollouts, TrainState, Tree

# (trained parameters, frozen parameters, rows, fields of PolicyOutputs to compute)
ForwardFn = Callable[[Tree, Tree, Rollouts, tuple[str, ...]], PolicyOutputs]


def make_optimizer(
  transform: optax.GradientTransformation, *, max_grad_norm: float
) -> optax.GradientTransformation:
  """Clips by global norm (0: no clipping) and skips updates that are not finite."""
  # Skipped however many come in a row: they are counted, and the loop reports them.
  return optax.apply_if_finite(
    clipped(transform, max_grad_norm), max_consecutive_errors=2**31 - 1
  )


def clipped(
  transform: optax.GradientTransformation, max_grad_norm: float
) -> optax.GradientTransformation:
  """The transform after clipping by global norm; 0 clips nothing."""
  if max_grad_norm == 0:
    return transform
  return optax.chain(optax.clip_by_global_norm(max_grad_norm), transform)


def init_state(
  params: Tree, optimizer: optax.GradientTransformation, objective: Objective
) -> TrainState:
  """The state before the first step."""
  return TrainState(
    jnp.zeros((), jnp.int32),
    params,
    optimizer.init(params),
    objective.initial_coefficients(),
  )


def make_train_step(
  forward: ForwardFn,
  objective: Objective,
  optimizer: optax.GradientTransformation,
  *,
  micro_batches: int = 1,
) -> Callable[[TrainState, Tree, Rollouts], tuple[TrainState, Metrics]]:
  """The pure step `(state, frozen, batch) -> (state, metrics)`.

  Everything that looks across rows is made on the whole batch before it is split:
  weights, corrections, features. So the number of micro-batches changes memory and
  nothing else (an objective that names `group` needs whole groups in each). Metrics are
  means under the weights, besides `grad_norm` (before clipping), `skipped_updates`
  (since the run began) and `sampler_gap`, the largest |log-prob - log-prob before the
  batch's first update|: 0 but for rounding at that update, the policy's drift later.
  """
  outputs_needed = tuple(
    f.name for f in dataclasses.fields(PolicyOutputs) if f.name in objective.needs
  )

  def loss_on(params, coefficients, frozen, batch, weights):
    outputs = forward(params, frozen, batch, outputs_needed)
    total, metrics = objective.per_token(outputs, batch, coefficients)
    summed = jax.tree.map(lambda x: jnp.sum(x * weights), metrics)
    gap = jnp.abs(outputs.logp - batch.logp_old)
    fresh = batch.mask if batch.fresh is None else batch.mask * batch.fresh[:, None]
    # NaN must show, and a maximum over micro-batches does not let it pass unseen.
    gap = jnp.max(jnp.where(fresh > 0, gap, 0.0))
    return jnp.sum(total * weights), (summed, jax.lax.stop_gradient(gap))

  grad_fn = jax.grad(loss_on, has_aux=True)

  def train_step(
    state: TrainState, frozen: Tree, batch: Rollouts
  ) -> tuple[TrainState, Metrics]:
    weights = pick.call(objective.reduction, batch)
    if objective.needs_logp_now:
      logp_now = functools.partial(_logp, forward, state.params, frozen)
      now = by_parts(logp_now, batch, micro_batches)
      batch = dataclasses.replace(batch, logp_now=now)
    batch, metrics = objective.prepare(batch, weights)
    parts = _split((batch, weights), micro_batches)
    grads, (means, gap) = _summed(
      lambda rows: grad_fn(state.params, state.coefficients, frozen, *rows), parts
    )
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = {
      **metrics,
      **means,
      "grad_norm": optax.tree.norm(grads),
      "sampler_gap": gap,
      "skipped_updates": opt_state.total_notfinite,
    }
    coefficients, more = objective.follow(state.coefficients, means)
    state = TrainState(state.step + 1, params, opt_state, coefficients)
    return state, {**metrics, **more}

  return train_step


def _logp(forward: ForwardFn, params: Tree, frozen: Tree, rows: Rollouts) -> jax.Array:
  return forward(params, frozen, rows, ()).logp


def _split(rows: Tree, parts: int) -> Tree:
  """Equal slices of the rows, stacked; group ids begin at 0 in each slice."""
  split = lambda x: x.reshape(parts, -1, *x.shape[1:])
  batch, weights = jax.tree.map(split, rows)
  first = jnp.min(batch.group, axis=1, keepdims=True)
  return dataclasses.replace(batch, group=batch.group - first), weights


def _summed(fn: Callable[[Any], tuple[Tree, Tree]], parts: Tree) -> tuple[Tree, Tree]:
  """The sum of `fn` over slices; of the last of its results the maximum."""

  def body(carry, rows):
    grads, (means, gap) = carry
    more_grads, (more, one_gap) = fn(rows)
    grads, means = jax.tree.map(jnp.add, (grads, means), (more_grads, more))
    return (grads, (means, jnp.maximum(gap, one_gap))), None

  shapes = jax.eval_shape(fn, jax.tree.map(lambda x: x[0], parts))
  zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
  return jax.lax.scan(body, zeros, parts)[0]

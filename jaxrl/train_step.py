"""One optimiser step on one batch of rollouts: the only gradient in the library."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from jaxrl import pick, slices
from jaxrl.objective import Objective
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
  (since the run began) and, of sampled rows, `sampler_gap`, the largest |log-prob -
  log-prob before the batch's first update|: 0 but for rounding at that update, the
  policy's drift later.
  """
  outputs_needed = tuple(
    f.name for f in dataclasses.fields(PolicyOutputs) if f.name in objective.needs
  )

  def loss_on(params, coefficients, frozen, batch, weights):
    asked = () if batch.logp_old is None else ("logp",)  # for the gap
    outputs = forward(params, frozen, batch, (*outputs_needed, *asked))
    total, metrics = objective.per_token(outputs, batch, coefficients)
    summed = jax.tree.map(lambda x: jnp.sum(x * weights), metrics)
    return jnp.sum(total * weights), (summed, _gap(outputs, batch))

  grad_fn = jax.grad(loss_on, has_aux=True)

  def train_step(
    state: TrainState, frozen: Tree, batch: Rollouts
  ) -> tuple[TrainState, Metrics]:
    weights = pick.call(objective.reduction, batch)
    if objective.needs_logp_now:
      logp_now = functools.partial(_logp, forward, state.params, frozen)
      now = slices.by_parts(logp_now, batch, micro_batches)
      batch = dataclasses.replace(batch, logp_now=now)
    batch, metrics = objective.prepare(batch, weights)
    grads, (means, gap) = slices.total(
      lambda rows: grad_fn(state.params, state.coefficients, frozen, *rows),
      *_parts(batch, weights, micro_batches),
      add=_add,
    )
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = {
      **metrics,
      **means,
      "grad_norm": optax.tree.norm(grads),
      "skipped_updates": opt_state.total_notfinite,
      **gap,
    }
    coefficients, more = objective.follow(state.coefficients, means)
    state = TrainState(state.step + 1, params, opt_state, coefficients)
    return state, {**metrics, **more}

  return train_step


def _gap(outputs: PolicyOutputs, batch: Rollouts) -> Metrics:
  """`sampler_gap`, of rows sampled at this step; nothing of rows that were not."""
  if batch.logp_old is None:
    return {}
  fresh = batch.mask if batch.fresh is None else batch.mask * batch.fresh[:, None]
  gap = jax.lax.stop_gradient(jnp.abs(outputs.logp - batch.logp_old))
  # NaN must show, and a maximum over micro-batches does not let it pass unseen.
  return {"sampler_gap": jnp.max(jnp.where(fresh > 0, gap, 0.0))}


def _logp(forward: ForwardFn, params: Tree, frozen: Tree, rows: Rollouts) -> jax.Array:
  return forward(params, frozen, rows, ("logp",)).logp


def _parts(
  batch: Rollouts, weights: jax.Array, micro_batches: int
) -> tuple[Callable[[jax.Array], tuple[Rollouts, jax.Array]], int | jax.Array]:
  """Micro-batches with their weights, by number, and how many there are."""
  if batch.packing is not None:
    packed = slices.packed_parts(batch)

    def part(index):
      rows = packed(index)
      return rows, jnp.where(rows.mask > 0, weights, 0.0)

    return part, batch.packing.parts
  take = slices.row_parts((batch, weights), micro_batches)

  def rows(index):
    one, of_rows = take(index)
    return dataclasses.replace(one, group=one.group - jnp.min(one.group)), of_rows

  return rows, micro_batches


def _add(sums: tuple[Tree, Tree], more: tuple[Tree, Tree]) -> tuple[Tree, Tree]:
  """Adds gradients and means; of the last of the results it takes the maximum."""
  grads, (means, gap) = sums
  more_grads, (more_means, one_gap) = more
  grads, means = jax.tree.map(jnp.add, (grads, means), (more_grads, more_means))
  return grads, (means, jax.tree.map(jnp.maximum, gap, one_gap))

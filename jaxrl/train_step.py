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
# (trained parameters, coefficients, frozen parameters, rows)
GradientFn = Callable[[Tree, Tree, Tree, Rollouts], tuple[Tree, Metrics, Metrics]]


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


def make_gradient(
  forward: ForwardFn, objective: Objective, *, micro_batches: int = 1
) -> GradientFn:
  """The pure `(params, coefficients, frozen, batch) -> (gradients, means, metrics)`.

  Everything that looks across rows is made on the whole batch before it is split:
  weights, corrections, features. So the number of micro-batches changes memory and
  nothing else (an objective that names `group` needs whole groups in each). Means are
  of the objective's own metrics, under the weights; the metrics have them too.
  """
  needs = _outputs_needed(objective)

  def loss_on(params, coefficients, frozen, batch, weights):
    asked = () if batch.logp_old is None else ("logp",)  # for the gap
    outputs = forward(params, frozen, batch, (*needs, *asked))
    total, metrics = objective.per_token(outputs, batch, coefficients)
    summed = jax.tree.map(lambda x: jnp.sum(x * weights), metrics)
    return jnp.sum(total * weights), (summed, _gap(outputs, batch))

  grad_fn = jax.grad(loss_on, has_aux=True)
  whole = functools.partial(_whole, forward, objective, micro_batches)

  def gradient(
    params: Tree, coefficients: Tree, frozen: Tree, batch: Rollouts
  ) -> tuple[Tree, Metrics, Metrics]:
    batch, weights, metrics = whole(params, frozen, batch)
    grads, (means, gap) = slices.total(
      lambda rows: grad_fn(params, coefficients, frozen, *rows),
      *_parts(batch, weights, micro_batches),
      add=_add,
    )
    norm = {"grad_norm": optax.tree.norm(grads)}
    return grads, means, {**metrics, **means, **norm, **gap}

  return gradient


def make_row_slopes(
  forward: ForwardFn, objective: Objective, *, micro_batches: int = 1
) -> Callable[[Tree, Tree, Tree, Rollouts, Tree], jax.Array]:
  """The pure `(params, coefficients, frozen, batch, direction) -> slopes [B]`.

  A slope is the derivative of a row's part of the loss along a direction in which the
  parameters move, all rows weighing the same: direction . (gradient of the row). It is
  taken as the derivative of direction . gradient by the row's factor in the loss, for
  all rows at once: two passes back. (One pass forward would do if attention, which has
  a backward pass of its own, had a forward derivative.)
  """
  needs = _outputs_needed(objective)
  whole = functools.partial(_whole, forward, objective, micro_batches)

  def row_slopes(
    params: Tree, coefficients: Tree, frozen: Tree, batch: Rollouts, direction: Tree
  ) -> jax.Array:
    batch, weights, _ = whole(params, frozen, batch)
    batch = dataclasses.replace(batch, row_weight=None)

    def of_part(rows: Rollouts) -> jax.Array:
      if rows.packing is None:
        rows = _own_groups(rows)

      def loss(params, factor):
        outputs = forward(params, frozen, rows, needs)
        return jnp.sum(objective.per_token(outputs, rows, coefficients)[0] * factor)

      along = lambda factor: optax.tree.vdot(jax.grad(loss)(params, factor), direction)
      return jax.grad(along)(jnp.ones_like(rows.mask))

    return jnp.sum(weights * slices.by_parts(of_part, batch, micro_batches), axis=1)

  return row_slopes


def make_train_step(
  forward: ForwardFn,
  objective: Objective,
  optimizer: optax.GradientTransformation,
  *,
  micro_batches: int = 1,
) -> Callable[[TrainState, Tree, Rollouts], tuple[TrainState, Metrics]]:
  """The pure step `(state, frozen, batch) -> (state, metrics)`; see `make_gradient`.

  Metrics are means under the weights, besides `grad_norm` (before clipping),
  `skipped_updates` (since the run began) and, of sampled rows, `sampler_gap`, the
  largest |log-prob - log-prob before the batch's first update|: 0 but for rounding at
  that update, the policy's drift later.
  """
  gradient = make_gradient(forward, objective, micro_batches=micro_batches)

  def train_step(
    state: TrainState, frozen: Tree, batch: Rollouts
  ) -> tuple[TrainState, Metrics]:
    grads, means, metrics = gradient(state.params, state.coefficients, frozen, batch)
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    coefficients, more = objective.follow(state.coefficients, means)
    state = dataclasses.replace(
      state,
      step=state.step + 1,
      params=params,
      opt_state=opt_state,
      coefficients=coefficients,
    )
    return state, {**metrics, "skipped_updates": opt_state.total_notfinite, **more}

  return train_step


def _outputs_needed(objective: Objective) -> tuple[str, ...]:
  fields = dataclasses.fields(PolicyOutputs)
  return tuple(f.name for f in fields if f.name in objective.needs)


def _whole(
  forward: ForwardFn,
  objective: Objective,
  micro_batches: int,
  params: Tree,
  frozen: Tree,
  batch: Rollouts,
) -> tuple[Rollouts, jax.Array, Metrics]:
  """The batch with all that is made on the whole of it, its weights, and metrics."""
  weights = pick.call(objective.reduction, batch)
  if objective.needs_logp_now:
    logp_now = functools.partial(_logp, forward, params, frozen)
    now = slices.by_parts(logp_now, batch, micro_batches)
    batch = dataclasses.replace(batch, logp_now=now)
  batch, metrics = objective.prepare(batch, weights)
  return batch, weights, metrics


def _own_groups(rows: Rollouts) -> Rollouts:
  """Rows of whole groups, with ids from 0."""
  return dataclasses.replace(rows, group=rows.group - jnp.min(rows.group))


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
    return _own_groups(one), of_rows

  return rows, micro_batches


def _add(sums: tuple[Tree, Tree], more: tuple[Tree, Tree]) -> tuple[Tree, Tree]:
  """Adds gradients and means; of the last of the results it takes the maximum."""
  grads, (means, gap) = sums
  more_grads, (more_means, one_gap) = more
  grads, means = jax.tree.map(jnp.add, (grads, means), (more_grads, more_means))
  return grads, (means, jax.tree.map(jnp.maximum, gap, one_gap))

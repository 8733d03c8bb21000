"""Weights of training rows that are learnt through the step which they weigh.

  w    = rule(u)                                  a weight for each row of the batch
  phi' = phi - eta d/dphi sum_i w_i L_i(phi)      the model's step
  u   <- optimiser(u, d/du M(phi'))               M: the loss on solutions whose
                                                  outcomes are known
  d/dw_i M(phi') = -eta <grad M(phi'), grad L_i(phi)>

A row gains weight where a step along its gradient lowers M. phi' is the model after its
own step, whatever its optimiser; the derivative is that of a plain gradient step, as in
the authors' code (one-step DARTS, Liu et al., https://arxiv.org/abs/1806.09055), where
it is estimated by two more passes and here is exact. eta is left out of it, as there:
Adam does not see a constant factor, and its epsilon would.

The rules are the files of `reweighting`; they take what they learn by its name in
`types.RowWeights`, and are DreamPRM's and DreamPRM-1.5's.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxrl import pick, slices
from jaxrl.config import Config, bind
from jaxrl.errors import UserError
from jaxrl.objective import Objective
from jaxrl.problems import Problem, Task
from jaxrl.train_step import (
  ForwardFn,
  GradientFn,
  make_gradient,
  make_optimizer,
  make_row_slopes,
)
from jaxrl.types import (
  Metrics,
  PolicyOutputs,
  Rollouts,
  RowWeights,
  TrainState,
  Tree,
)

Known = tuple[Problem, Mapping[str, Any]]  # a solution whose outcome is known


@dataclasses.dataclass(frozen=True)
class Reweighting:
  """The parts that never change."""

  rule: Callable
  domains: tuple[str, ...]  # sources of the training problems, in order
  instances: int  # solutions of the training file
  task: Task  # of the solutions whose outcomes are known,
  known: tuple[Known, ...]  # and these
  optimizer: optax.GradientTransformation  # of what the rule learns
  meta_gradient: GradientFn  # of their loss
  row_slopes: Callable
  outputs: Callable | None  # what the model says, where the rule reads it

  def init(self, seed: int) -> TrainState:
    """What the rule has learnt before the first step."""
    params = init_weights(
      self.rule, jax.random.key(seed), len(self.domains), self.instances
    )
    return TrainState(jnp.zeros((), jnp.int32), params, self.optimizer.init(params), {})

  def weights(self, learnt: Tree, outputs: PolicyOutputs, batch: Rollouts) -> jax.Array:
    """A weight for each row [B]."""
    return pick.call(self.rule, RowWeights(**learnt), outputs, batch)

  def around(self, train_step: Callable) -> Callable:
    """The step `(state, frozen, batch[, meta]) -> (state, metrics)`, with weights.

    Without `meta`, rows of known outcomes, the weights stay as they are.
    """
    return functools.partial(_step, self, train_step)


def _step(
  parts: Reweighting,
  train_step: Callable,
  state: TrainState,
  frozen: Tree,
  batch: Rollouts,
  meta: Rollouts | None = None,
) -> tuple[TrainState, Metrics]:
  learner = state.beside["reweighting"]
  outputs = PolicyOutputs()
  if parts.outputs is not None:
    outputs = parts.outputs(state.params, frozen, batch)
  weigh = lambda learnt: parts.weights(learnt, outputs, batch)
  weights, pull = jax.vjp(weigh, learner.params)
  weighted = dataclasses.replace(batch, row_weight=weights)
  after, metrics = train_step(state, frozen, weighted)
  metrics = metrics | _spread(weights, batch)
  if meta is None:
    return after, metrics
  direction, _, found = parts.meta_gradient(after.params, {}, frozen, meta)
  slopes = parts.row_slopes(state.params, state.coefficients, frozen, batch, direction)
  (grads,) = pull(-slopes)
  updates, opt_state = parts.optimizer.update(grads, learner.opt_state, learner.params)
  learner = dataclasses.replace(
    learner,
    step=learner.step + 1,
    params=optax.apply_updates(learner.params, updates),
    opt_state=opt_state,
  )
  shown = {f"meta_{name}": found[name] for name in ("loss", "grad_norm")}
  shown["reweighting_grad_norm"] = optax.tree.norm(grads)
  after = dataclasses.replace(after, beside={**after.beside, "reweighting": learner})
  return after, metrics | shown


def _spread(weights: jax.Array, batch: Rollouts) -> Metrics:
  """Of the weights of the rows that train."""
  trains = jnp.max(batch.mask, axis=1) > 0
  return {
    "row_weight": jnp.sum(jnp.where(trains, weights, 0.0))
    / jnp.maximum(jnp.sum(trains), 1),
    "row_weight_least": jnp.min(jnp.where(trains, weights, jnp.inf)),
    "row_weight_most": jnp.max(jnp.where(trains, weights, -jnp.inf)),
  }


def init_weights(
  rule: Callable, key: jax.Array, domains: int, instances: int
) -> dict[str, Tree]:
  """What the rule names of `RowWeights`; the key is consumed."""
  made: dict[str, Callable[[], Tree]] = {
    "domain_weights": lambda: jnp.zeros(domains),
    "instance_weights": lambda: jnp.ones(instances),
    "weight_net": lambda: _net(key, _hyper_parameter(rule, "hidden")),
  }
  return {name: made[name]() for name in pick.needs(rule) if name in made}


def _net(key: jax.Array, hidden: int) -> Tree:
  """Two numbers in, one out; uniform within 1 / sqrt(inputs), as PyTorch starts."""
  keys = jax.random.split(key, 4)
  uniform = lambda i, shape, inputs: jax.random.uniform(
    keys[i], shape, jnp.float32, -(inputs**-0.5), inputs**-0.5
  )
  return {
    "below": uniform(0, (2, hidden), 2),
    "bias": uniform(1, (hidden,), 2),
    "last": uniform(2, (hidden,), hidden),
    "offset": uniform(3, (), hidden),
  }


def _hyper_parameter(rule: Any, name: str) -> Any:
  return getattr(rule, "keywords", {}).get(
    name, pick.hyper_parameters(getattr(rule, "func", rule))[name][1]
  )


def build(
  config: Config, forward: ForwardFn, objective: Objective, task: Task
) -> Reweighting | None:
  """The reweighting that a config asks for; it reads the file of known outcomes.

  Raises:
    UserError: two rules, a precision without second derivatives, or no outcome.
  """
  if not config.reweighting:
    return None
  if len(config.reweighting) > 1:
    raise UserError(
      f"config: reweighting has {len(config.reweighting)} rules; a row has one weight, "
      "so name one"
    )
  if config.model.compute_dtype != "float32":
    raise UserError(
      "config: reweighting differentiates twice, which the attention kernels of "
      f"{config.model.compute_dtype} cannot; set model.compute_dtype to float32"
    )
  (rule,) = bind(config, "reweighting")
  meta = bind(config, "meta")()
  known = _known(meta)
  if not known:
    raise UserError(
      f"config: no solution of the task meta, {meta.name}, has an outcome, which the "
      "weights of reweighting are learnt from; take a file with outcomes"
    )
  parts = config.micro_batches
  upper = Objective(bind(config, "meta_loss"), pick.pick("reductions", "sequence_mean"))
  fields = tuple(f.name for f in dataclasses.fields(PolicyOutputs))
  reads = tuple(name for name in pick.needs(rule) if name in fields)
  due = max(config.steps - config.meta_after, 0) // config.meta_every
  updates = due * config.epochs_per_batch * config.mini_batches
  schedule = bind(config, "meta_schedule")(updates)
  transform = bind(config, "meta_optimizer")(schedule)
  return Reweighting(
    rule=rule,
    domains=tuple(sorted({problem.source for problem in task.train})),
    instances=1 + max(_numbers(task), default=0),
    task=meta,
    known=known,
    optimizer=make_optimizer(transform, max_grad_norm=0.0),
    meta_gradient=make_gradient(forward, upper, micro_batches=parts),
    row_slopes=make_row_slopes(forward, objective, micro_batches=parts),
    outputs=_outputs(forward, reads, parts) if reads else None,
  )


def _known(meta: Task) -> tuple[Known, ...]:
  """All solutions with an outcome: none of them trains the model."""
  return tuple(
    (problem, one)
    for problem in (*meta.train, *meta.test)
    for one in problem.data.get("solutions", ())
    if one["outcome"] is not None
  )


def _numbers(task: Task) -> list[int]:
  return [
    one["number"] for problem in task.train for one in problem.data.get("solutions", ())
  ]


def _outputs(forward: ForwardFn, reads: tuple[str, ...], parts: int) -> Callable:
  one = lambda params, frozen, rows: forward(params, frozen, rows, reads)

  def outputs(params: Tree, frozen: Tree, batch: Rollouts) -> PolicyOutputs:
    return slices.by_parts(functools.partial(one, params, frozen), batch, parts)

  return outputs

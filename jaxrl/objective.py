"""What an update minimises: a composition of losses, corrections, terms and weights."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxrl import pick
from jaxrl.controllers import Controller
from jaxrl.errors import UserError, near_match
from jaxrl.types import Metrics, PolicyOutputs, Rollouts, Tree


@dataclasses.dataclass(frozen=True)
class Objective:
  """sum over tokens of w * (correction * loss + regularizers + value_loss).

  A controller sets the `coefficient` of the regularizer that it names anew after each
  step. The value loss is of the critic's parameters alone.
  """

  loss: Callable
  reduction: Callable
  regularizers: tuple[Callable, ...] = ()
  controllers: tuple[Controller, ...] = ()
  corrections: tuple[Callable, ...] = ()
  value_loss: Callable | None = None

  def __post_init__(self):
    terms = {pick.name_of(term) for term in self.regularizers}
    for controller in self.controllers:
      if controller.of not in terms:
        raise UserError(
          f"a controller of {controller.of!r}, which is not among the regularizers"
          f"{near_match(controller.of, terms)}"
        )

  @property
  def needs(self) -> tuple[str, ...]:
    """Every array that some part reads, by name, with those that features read."""
    parts = (self.reduction, *self.corrections, *self._row_parts)
    return tuple(sorted(pick.all_needs(*parts)))

  @property
  def needs_logp_now(self) -> bool:
    """Whether the whole batch is scored once more before the step."""
    return "logp_now" in self.needs

  @property
  def needs_groups(self) -> bool:
    """Whether whole groups have to be in each micro-batch."""
    return "group" in pick.needs(*self._row_parts)

  @property
  def _row_parts(self) -> tuple[Callable, ...]:
    value = () if self.value_loss is None else (self.value_loss,)
    return (self.loss, *self.regularizers, *value)

  def initial_coefficients(self) -> Tree:
    """What controllers remember, by the name of their regularizer.

    `acts` is the coefficient of the next step, `state` what the controller updates.
    """
    return {
      c.of: {key: jnp.asarray(c.initial, jnp.float32) for key in ("acts", "state")}
      for c in self.controllers
    }

  def prepare(self, batch: Rollouts, weights: Array) -> tuple[Rollouts, Metrics]:
    """Corrections and features of a whole batch, and means of their metrics."""
    features = [n for n in pick.needs(*self._row_parts) if n in pick.names("features")]
    made = {n: pick.call(pick.load("features", n), batch) for n in features}
    batch = dataclasses.replace(batch, features=jax.lax.stop_gradient(made))
    if not self.corrections:
      return batch, {}
    factor = jnp.ones_like(batch.mask)
    metrics: dict[str, Array] = {}
    for correction in self.corrections:
      one, more = pick.call(correction, batch)
      factor, metrics = factor * one, {**metrics, **more}
    means = {name: jnp.sum(x * weights) for name, x in metrics.items()}
    return dataclasses.replace(batch, correction=jax.lax.stop_gradient(factor)), means

  def per_token(
    self, outputs: PolicyOutputs, batch: Rollouts, coefficients: Tree
  ) -> tuple[Any, Metrics]:
    """The sum of the parts, [B, T], and their metrics, [B, T] each."""
    total, metrics = pick.call(self.loss, outputs, batch)
    if self.corrections:
      total = total * batch.correction
    if batch.row_weight is not None:
      total = total * batch.row_weight[:, None]
    metrics = {"policy_loss": total, **metrics}
    for term in self.regularizers:
      followed = coefficients.get(pick.name_of(term))
      changed = {"coefficient": followed["acts"]} if followed else {}
      value, more = pick.call(term, outputs, batch, **changed)
      total, metrics = total + value, metrics | more
    if self.value_loss is not None:
      value, more = pick.call(self.value_loss, outputs, batch)
      total, metrics = total + value, metrics | {"value_loss": value} | more
    return total, {"loss": total, **metrics}

  def follow(self, coefficients: Tree, means: Metrics) -> tuple[Tree, Metrics]:
    """Coefficients after a step, from the means of what they act on; for the log."""
    after, shown = {}, {}
    for controller in self.controllers:
      name, value = controller.of, means[controller.of]
      state = controller.update(coefficients[name]["state"], value)
      after[name] = {"acts": controller.gate(state, value), "state": state}
      shown[f"{name}_coefficient"] = coefficients[name]["acts"]
    return after, shown

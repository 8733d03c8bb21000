"""Coefficients that follow a measured value from step to step."""

from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Array, Float

Rule = Callable[[Float[Array, ""], Float[Array, ""]], Float[Array, ""]]


def always(coefficient: Float[Array, ""], value: Float[Array, ""]) -> Float[Array, ""]:
  """The coefficient as it is."""
  del value
  return coefficient


class Controller(NamedTuple):
  """What a controller's function gives; both rules are pure and can be jitted.

  The value is the mean, over the batch of a step, of the first metric of the
  regularizer, which is without the coefficient. After the step the coefficient becomes
  `update(coefficient, value)`; at the next one `gate(coefficient, value)` of that
  coefficient multiplies the regularizer. The first step has `initial`, ungated.
  """

  of: str  # the regularizer whose coefficient this is
  initial: float
  update: Rule
  gate: Rule = always

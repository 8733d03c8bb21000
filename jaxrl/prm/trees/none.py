"""No tree: solutions apart from each other. Wang et al., Math-Shepherd,
https://arxiv.org/abs/2312.08935.

  y_1..y_G ~ pi(. | x),  then what the rule of `query` asks of each

as `prm/label` does it, which has the details.
"""

from collections.abc import Sequence

from jaxrl.prm.label import Labeller
from jaxrl.prm.written import Written
from jaxrl.problems import Problem


def none(
  labeller: Labeller, numbered: Sequence[tuple[int, Problem]]
) -> list[list[Written]]:
  """Solutions of the problems, with the evidence that the query asks for."""
  return labeller.problems(numbered)

"""A group of independent samples of each problem, verified. Shao et al.,
https://arxiv.org/abs/2402.03300: what GRPO draws.

y_1..y_G ~ pi(. | x), each with randomness of its own (seed, step, row, position)
"""

from collections.abc import Sequence

import jax

from jaxrl import draw
from jaxrl.build import Run
from jaxrl.draw import Drawn
from jaxrl.problems import Problem
from jaxrl.sandbox import VerifierPool
from jaxrl.types import Tree


def groups(
  run: Run,
  pool: VerifierPool,
  variables: Tree,
  problems: Sequence[Problem],
  key: jax.Array,
  group: int,
  first_row: int,
) -> Drawn:
  """Samples and verifies; see `draw.draw`."""
  return draw.draw(
    run,
    pool,
    variables,
    problems,
    key,
    rules=run.rules,
    group=group,
    first_row=first_row,
  )

"""AlphaMath: a PUCT tree over steps, values of a head. Chen et al.,
https://arxiv.org/abs/2405.03553.

  down by PUCT to a node s; B2 sampled steps become its children; V(s) and the +-1 of
  new answers go up;  Q = W / N;  y_t = Q of the node after t steps

with the rules of `search/puct` and `search/alphamath`. V is 2 p - 1 of the model of
steps in `prm`; 0 without one, for round 1, where the head is untrained. An answer is +1
where it is right, -1 where it is wrong or where there is none within `depth` steps or
the response's length. P = exp(mean log-prob) of the step's own tokens; steps that write
code are not told apart.

Where the paper is silent: the first `paths` right and the first `paths` wrong paths are
written, and a child whose answer no verifier could score is left out. Sizes are the
released ones. Rounds: label with the run of the round before as policy and as `prm`; it
trained both at once, by `objectives/alphamath` (`configs/prm/alphamath`). At test
`search/strategies/alphamath`, or its step-level beams, `value_guided_blocks`.

Id: alphamath
"""

from collections.abc import Sequence

import jax
import numpy as np

from jaxrl.prm.grove import Grove, bound, of_trees, plant
from jaxrl.prm.grow import Ask, Grower, Node, start
from jaxrl.prm.label import Labeller
from jaxrl.prm.written import Written
from jaxrl.problems import Problem
from jaxrl.search import alphamath as rule
from jaxrl.search.puct import puct
from jaxrl.search.tree import mean_value


def alphamath(
  labeller: Labeller,
  numbered: Sequence[tuple[int, Problem]],
  *,
  iterations: int = 40,
  children: int = 5,
  depth: int = 8,
  step_tokens: int = 64,
  exploration: float = 1.5,
  paths: int = 4,
) -> list[list[Written]]:
  """Right and wrong paths of each problem's tree; `values` are Q."""
  grower = start(labeller, numbered)
  roots = [Ask(plot, 0, Node()) for plot in range(len(grower.plots))]
  grove = plant(
    grower,
    nodes=1 + iterations * children,
    width=children,
    root_values=grower.values(roots),
  )
  select = bound(puct, exploration=exploration)
  for _ in range(iterations):
    asked = grove.choose(select)
    if not asked:
      break
    found = grower.next_steps(asked, children, step_tokens=step_tokens, depth=depth)
    known = lambda node: not (node.terminal and np.isnan(node.outcome))
    found = [[node for node in new if known(node)] for new in found]
    values = of_trees(grove, asked, _values(grower, asked, found))
    grove.add(asked, found, values, rule.alphamath)
  return [_written(grove, plot, paths) for plot in range(len(grower.plots))]


def _values(
  grower: Grower, asked: Sequence[Ask], found: Sequence[Sequence[Node]]
) -> list[list[float]]:
  """+-1 of answers, V of the nodes that go on."""
  pairs = zip(asked, found, strict=True)
  flat = [Ask(ask.plot, ask.number, node) for ask, new in pairs for node in new]
  said = grower.values([one for one in flat if not one.node.terminal])
  heads = iter(said)
  value = lambda node: 2 * node.outcome - 1 if node.terminal else next(heads)
  return [[value(node) for node in new] for new in found]


def _written(grove: Grove, plot: int, paths: int) -> list[Written]:
  q = np.asarray(jax.vmap(mean_value)(grove.table))
  return [
    grove.grower.written(
      plot, i, grove.nodes[plot][leaf], {"values": grove.along(plot, leaf, q)}
    )
    for i, leaf in enumerate(grove.leaves(plot, right=paths, wrong=paths))
  ]

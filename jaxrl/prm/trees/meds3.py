"""MedS3: a tree of steps valued by direct continuations. Jiang et al.,
https://arxiv.org/abs/2501.12051.

  V of a new node = share of n = max(floor(20 / (depth + 1)), 5) continuations that are
  right, 0 or 1 of a finished one;  choice and backup as in `search/meds3`

until 4 right ends, or `nodes` nodes. A finished node below 0.5 may go on
once behind `refine`, as a second try; "" leaves that out. Only questions with right and
wrong ends are kept: the paths of others have no values, and so no labels. keep = 1/2 is
the released "comp", 0 its "default". `labels/meds3` (released) and `meds3_soft` (v1)
make labels, `prm/meds3_policy` trains on right paths, `search/answers` votes.

Where the paper is silent: the words of `refine`, which belong to the step before; a
node at the depth limit is wrong; an unverified child is left out.

Id: meds3
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from jaxrl.prm.grove import Grove, bound, of_trees, plant
from jaxrl.prm.grow import Ask, Grower, Node, child_number, start
from jaxrl.prm.label import Labeller
from jaxrl.prm.written import Written
from jaxrl.problems import Problem
from jaxrl.search import meds3 as rule

CHILDREN, RIGHT_LEAVES = 3, 4  # of a node, that are enough of a problem
REFINE = "\nLet me check this again.\n"


def meds3(
  labeller: Labeller,
  numbered: Sequence[tuple[int, Problem]],
  *,
  nodes: int = 60,
  depth: int = 6,
  step_tokens: int = 64,
  exploration: float = 2.0,
  keep: float = 0.5,
  refine: str = REFINE,
) -> list[list[Written]]:
  """Right and wrong paths of each problem's tree; `values` are V."""
  grower = start(labeller, numbered)
  roots = [Ask(plot, 0, Node()) for plot in range(len(grower.plots))]
  values = np.nan_to_num(_shares(grower, roots)).tolist()
  grove = plant(grower, nodes=1 + nodes, width=CHILDREN, root_values=values)
  select = bound(rule.meds3, exploration=exploration)
  backup = bound(rule.backup, keep=keep)
  for _ in range(nodes // CHILDREN):
    asked = [
      Ask(ask.plot, ask.number, refined(grower, ask.node, refine) or ask.node)
      for ask in grove.choose(select)
      if len(grove.leaves(ask.plot, right=RIGHT_LEAVES, wrong=0)) < RIGHT_LEAVES
    ]
    if not asked:
      break
    open_ = [ask for ask in asked if not ask.node.terminal]
    new = iter(grower.next_steps(open_, CHILDREN, step_tokens=step_tokens, depth=depth))
    # A finished node is visited and has no children.
    found = [[] if ask.node.terminal else next(new) for ask in asked]
    found, worth = _valued(grower, asked, found)
    again = [[refined(grower, n, refine) is not None for n in new] for new in found]
    grove.add(asked, found, of_trees(grove, asked, worth), backup, again)
  return [_written(grove, plot) for plot in range(len(grower.plots))]


def _shares(grower: Grower, asked: Sequence[Ask]) -> list[float]:
  """V of each node."""
  depths = jnp.array([len(ask.node.texts) for ask in asked], jnp.int32)
  return grower.shares(asked, np.asarray(rule.continuations(depths)).tolist())


def _valued(
  grower: Grower,
  asked: Sequence[Ask],
  found: Sequence[list[Node]],
) -> tuple[list[list[Node]], list[list[float]]]:
  """The children that have a value, and their values."""
  flat = [
    Ask(ask.plot, child_number(ask, k, CHILDREN), node)
    for ask, new in zip(asked, found, strict=True)
    for k, node in enumerate(new)
  ]
  worth = iter(_shares(grower, flat))
  pairs = [[(node, next(worth)) for node in new] for new in found]
  kept = [[(node, v) for node, v in new if not np.isnan(v)] for new in pairs]
  return [[n for n, _ in new] for new in kept], [[v for _, v in new] for new in kept]


def refined(grower: Grower, node: Node, refine: str) -> Node | None:
  """A finished node with the words behind which it goes on; None where it does not.

  It does where it is below 0.5, the first of its path to be so, and there is room.
  """
  wrong = node.ended and node.outcome == 0 and node.texts != ()
  words = grower.run.tokenizer.encode(refine) if wrong and refine else []
  tokens = (*node.tokens, *words)
  if not words or refine in node.text or len(tokens) >= grower.room:
    return None
  return Node(
    tokens=tokens,
    logps=(*node.logps, *[0.0] * len(words)),
    ends=(*node.ends[:-1], len(tokens)),
    texts=(*node.texts[:-1], node.texts[-1] + refine),
  )


def _written(grove: Grove, plot: int) -> list[Written]:
  value = np.asarray(grove.table.value)
  ends = grove.leaves(plot, right=RIGHT_LEAVES, wrong=len(grove.nodes[plot]))
  outcomes = {grove.nodes[plot][end].outcome for end in ends}
  nothing = np.full_like(value, np.nan)
  of_node = value if outcomes == {0.0, 1.0} else nothing
  return [
    grove.grower.written(
      plot, i, grove.nodes[plot][end], {"values": grove.along(plot, end, of_node)}
    )
    for i, end in enumerate(ends)
  ]

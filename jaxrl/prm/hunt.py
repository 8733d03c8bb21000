"""What OmegaPRM's searches know of a problem: states, their continuations, a pool.

Luo et al., https://arxiv.org/abs/2406.06592; see `trees/omegaprm`.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxrl.prm.grow import NAN, Ask, Grower, Node


@dataclasses.dataclass
class Search:
  """One search by halves: a wrong rollout of a state, and where its error may be."""

  state: int
  rollout: Node
  low: int  # steps of the first prefix that the error may lie behind
  high: int  # and of the last one


@dataclasses.dataclass
class Hunt:
  """What is known of one problem. A state's number is its place."""

  plot: int
  states: list[Node]
  right: list[np.ndarray]  # [k] of each state's continuations
  visits: list[int]
  pool: list[tuple[int, Node]]  # (state, wrong rollout), not yet searched
  ends: list[Node]  # the solutions that are to be written

  @property
  def mc(self) -> list[float]:
    """The share of right continuations of each state; NaN where none is known."""
    known = [row[~np.isnan(row)] for row in self.right]
    return [float(row.mean()) if len(row) else NAN for row in known]

  def learn(self, state: Node, rollouts: Sequence[Node]) -> None:
    """Adds a state with its continuations, to the pool too, and one right end."""
    number = len(self.states)
    self.states.append(state)
    self.right.append(np.array([node.outcome for node in rollouts]))
    self.visits.append(0)
    share = self.mc[number]
    if 0 < share < 1:
      longer = lambda node: len(node.texts) > len(state.texts)
      wrong = [node for node in rollouts if node.outcome == 0 and longer(node)]
      self.pool += [(number, node) for node in wrong]
    self.ends += [node for node in rollouts if node.outcome == 1 and node.texts][:1]

  def next_search(self, priorities: np.ndarray) -> Search | None:
    """Takes the best pair out of the pool; None where nothing is left."""
    if not self.pool:
      return None
    state, rollout = self.pool.pop(int(np.argmax(priorities[: len(self.pool)])))
    self.ends.append(rollout)
    # The whole is wrong: the error is at its last step or before.
    first = len(self.states[state].texts) + 1
    return Search(state, rollout, first, len(rollout.texts) - 1)


def halve(
  grower: Grower, going: Sequence[tuple[Hunt, Search]], completions: int
) -> None:
  """Asks for the middle prefixes of all searches until each has found its error."""
  going = [pair for pair in going if pair[1].low <= pair[1].high]
  while going:
    middles = [(search.low + search.high) // 2 for _, search in going]
    asked = [
      Ask(hunt.plot, len(hunt.states), search.rollout.until(middle))
      for (hunt, search), middle in zip(going, middles, strict=True)
    ]
    found = grower.completions(asked, completions)
    for (hunt, search), middle, ask, rollouts in zip(
      going, middles, asked, found, strict=True
    ):
      hunt.learn(ask.node, rollouts)
      share = hunt.mc[-1]
      if np.isnan(share):
        search.low = search.high + 1
      elif share > 0:
        search.low = middle + 1
      else:
        search.high = middle - 1
    going = [pair for pair in going if pair[1].low <= pair[1].high]

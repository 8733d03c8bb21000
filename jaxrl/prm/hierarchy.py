"""Steps alone and merged in pairs, and trees whose nodes are moved up.

HRM, Wang et al., https://arxiv.org/abs/2503.13551.

An item of training is (question, the steps before, the current text) -> label:

  fine     s_1..s_(t-1), s_t              y_t
  coarse   s_1..s_(t-2), s_(t-1) s_t      y_t       t >= 2: the later step's label

so that a wrong step which the next one repairs is judged together with it. In a tree of
solutions that share their first steps

  y(node) = right leaves below it / leaves below it      (no answer: wrong)

Hierarchical Node Compression: at each node with 4 or more children, those that have a
grandparent move, in order, each with probability `chance` until one has moved: it
becomes a child of its grandparent, its last two steps merged into one. Then all shares
are counted anew. That gives more items from the same leaves, and changes the share of
its old parent alone. Items of both trees train together.

Two steps merge into one line: blanks at the end of the first become one space, as a
model that reads text sees a pair by that only. Text and numbers alone, no jax.
"""

import dataclasses
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

CHILDREN = 4  # from which on one of them may move


@dataclasses.dataclass
class Node:
  """A step, those that follow it, and the outcomes of solutions that end with it."""

  text: str
  children: list["Node"] = dataclasses.field(default_factory=list)
  leaves: list[float] = dataclasses.field(default_factory=list)

  @property
  def outcomes(self) -> list[float]:
    """Of all leaves at it and below it."""
    below = [outcome for child in self.children for outcome in child.outcomes]
    return [*self.leaves, *below]

  @property
  def share(self) -> float:
    """How many of them are right."""
    return sum(self.outcomes) / len(self.outcomes)


@dataclasses.dataclass(frozen=True)
class Item:
  """A text to be judged."""

  before: tuple[str, ...]
  current: str
  label: float


def merged(first: str, second: str) -> str:
  """Two steps as one line."""
  return f"{first.rstrip()} {second.lstrip()}"


def tree(solutions: Sequence[Mapping[str, Any]]) -> Node:
  """The solutions of one question; equal first steps are one node, below a root."""
  root = Node("")
  for one in solutions:
    node = root
    for text in one["steps"]:
      same = [child for child in node.children if child.text == text]
      if not same:
        same = [Node(text)]
        node.children += same
      node = same[0]
    unknown = one["outcome"] is None  # no answer is a wrong one
    node.leaves.append(0.0 if unknown else float(one["outcome"]))
  return root


def compressed(root: Node, rng: random.Random, *, chance: float = 0.5) -> Node:
  """A new tree, in which some nodes have moved up; the given one stays as it was."""
  copy = _copied(root)
  _compress(copy, None, rng, chance)
  return copy


def _copied(node: Node) -> Node:
  return Node(node.text, [_copied(child) for child in node.children], [*node.leaves])


def _compress(
  node: Node, parent: Node | None, rng: random.Random, chance: float
) -> None:
  """From the top down; what has moved is not looked at again as a child."""
  before = [*node.children]
  if parent is not None and len(before) >= CHILDREN:
    for child in before:
      if rng.random() < chance:
        node.children.remove(child)
        child.text = merged(node.text, child.text)
        parent.children.append(child)
        break
  for child in before:
    above = node if child in node.children else parent
    _compress(child, above, rng, chance)


def nodes(root: Node) -> Iterator[tuple[tuple[str, ...], Node]]:
  """Every node below the root that has leaves, with the steps before it."""
  stack: list[tuple[tuple[str, ...], Node]] = [((), child) for child in root.children]
  while stack:
    before, node = stack.pop()
    if node.outcomes:
      yield before, node
    stack += [((*before, node.text), child) for child in node.children]


def fine_items(root: Node) -> list[Item]:
  """An item for each node."""
  return [Item(before, node.text, node.share) for before, node in nodes(root)]


def with_shares(solutions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
  """The solutions of one question, labelled by the tree that they are."""
  share = {(*before, node.text): node.share for before, node in nodes(tree(solutions))}
  return [
    {
      **one,
      "labels": [share[(*one["steps"][: t + 1],)] for t in range(len(one["steps"]))],
    }
    for one in solutions
  ]


def coarse_items(items: Sequence[Item]) -> list[Item]:
  """Of each item with a step before it, that step merged into it."""
  return [
    Item(one.before[:-1], merged(one.before[-1], one.current), one.label)
    for one in items
    if one.before
  ]


def labelled_items(solution: Mapping[str, Any]) -> list[Item]:
  """Fine items of a solution whose steps have labels already."""
  steps = tuple(solution["steps"])
  return [
    Item(steps[:t], steps[t], label)
    for t, label in enumerate(solution["labels"])
    if label is not None
  ]


def balanced(
  items: Sequence[Item], rng: random.Random, *, least_share: float = 0.1
) -> list[int]:
  """Places of the items that are kept, in order.

  Of each number of steps and label there are as many as of that number's rarest label,
  at random, but no less than `least_share` of what there is.
  """
  kinds: dict[tuple[int, float], list[int]] = defaultdict(list)
  for i, one in enumerate(items):
    kinds[len(one.before), round(one.label, 6)].append(i)
  rarest: Counter[int] = Counter()
  for (height, _), members in kinds.items():
    rarest[height] = min(rarest.get(height, len(members)), len(members))
  kept: list[int] = []
  for (height, _), members in kinds.items():
    count = max(rarest[height], round(least_share * len(members)))
    kept += rng.sample(members, count)
  return sorted(kept)


def as_solution(item: Item, number: int) -> dict[str, Any]:
  """The item as a solution of which only the last step has a label."""
  return {
    "steps": [*item.before, item.current],
    "labels": [None] * len(item.before) + [item.label],
    "outcome": None,
    "number": number,
  }

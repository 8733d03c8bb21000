"""A search tree for each problem of a batch: tables on the device, nodes on the host.

Rules of `jaxrl.search` choose and back up on the tables, all trees in one program; what
a node says is looked up by its number. Trees of problems that are not there, in a last
batch, stay as they are.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl.prm.grow import Ask, Grower, Node
from jaxrl.search import tree as trees
from jaxrl.search.tree import NO_NODE, ROOT, Backup, Children, SearchTree, SelectChild


@dataclasses.dataclass
class Grove:
  """Trees that grow together."""

  grower: Grower
  table: SearchTree  # leaves [P, ...]
  nodes: list[list[Node]]  # of each tree, by number
  width: int  # children of an expansion

  def choose(self, select: SelectChild) -> list[Ask]:
    """Of each tree that is not closed, the node that `select` goes down to."""
    chosen, closed = jax.device_get(_choose(self.table, select=select))
    return [
      Ask(plot, int(node), self.nodes[plot][node])
      for plot, node in enumerate(chosen[: len(self.nodes)])
      if not closed[plot]
    ]

  def add(
    self,
    asked: Sequence[Ask],
    found: Sequence[Sequence[Node]],
    values: Any,
    backup: Backup,
    go_on: Sequence[Sequence[bool]] | None = None,
  ) -> list[list[Ask]]:
    """The children that there are now, after their values have been backed up.

    Args:
      asked: nodes of different trees.
      found: new children of each; none where it is visited only.
      values: leaves [P, K], what the backup rule reads of each tree's K children.
      backup: (tree, node, children, values) -> tree.
      go_on: which of the terminal nodes among `found` may have children all the same.
    """
    size = self.table.parent.shape[0]
    node, on = np.zeros(size, np.int32), np.zeros(size, bool)
    prior = np.zeros((size, self.width), np.float32)
    terminal, exists = (np.zeros((size, self.width), bool) for _ in range(2))
    for i, (ask, new) in enumerate(zip(asked, found, strict=True)):
      node[ask.plot], on[ask.plot] = ask.number, True
      for k, one in enumerate(new):
        ends = one.terminal and not (go_on is not None and go_on[i][k])
        prior[ask.plot, k], terminal[ask.plot, k] = one.likelihood, ends
        exists[ask.plot, k] = True
    new_children = Children(rows=(), prior=prior, terminal=terminal, exists=exists)
    self.table, numbers = _add(
      self.table, node, new_children, values, on, backup=backup
    )
    numbers, made = np.asarray(numbers), []
    for ask, new in zip(asked, found, strict=True):
      kept = [
        (int(number), one)
        for number, one in zip(numbers[ask.plot], new, strict=False)
        if number != NO_NODE
      ]
      self.nodes[ask.plot] += [one for _, one in kept]
      made.append([Ask(ask.plot, number, one) for number, one in kept])
    return made

  def leaves(self, plot: int, *, right: int, wrong: int) -> list[int]:
    """Numbers of the first verified ends of so many right and wrong responses."""
    left = {1.0: right, 0.0: wrong}
    found = []
    for number, node in enumerate(self.nodes[plot]):
      if node.texts and left.get(node.outcome, 0) > 0:
        left[node.outcome] -= 1
        found.append(number)
    return found

  def path(self, plot: int, number: int) -> list[int]:
    """Numbers of the nodes from the root to one."""
    parent = np.asarray(self.table.parent[plot])
    found = [number]
    while parent[found[0]] != NO_NODE:
      found.insert(0, int(parent[found[0]]))
    return found

  def along(self, plot: int, number: int, of_node: np.ndarray) -> np.ndarray:
    """Numbers of the nodes [P, M] on the path to one, [S + 1] by steps.

    A node that adds no step, the end of a response alone, speaks for the whole.
    """
    found = np.full(len(self.nodes[plot][number].texts) + 1, np.nan)
    for one in self.path(plot, number):
      found[len(self.nodes[plot][one].texts)] = of_node[plot, one]
    return found


def plant(
  grower: Grower, *, nodes: int, width: int, root_values: Sequence[float]
) -> Grove:
  """A root for each problem.

  Args:
    grower: of the problems.
    nodes: of a tree, at most.
    width: children of a node.
    root_values: of each problem's question.
  """
  size = grower.run.config.labelling.batch_problems
  values = np.zeros(size, np.float32)
  values[: len(root_values)] = root_values
  table = _plant(jnp.asarray(values), nodes=nodes, width=width)
  return Grove(grower, table, [[Node()] for _ in grower.plots], width)


@functools.cache
def bound(rule: Callable, **hparams: Any) -> Callable:
  """A rule with its numbers: the same object each time, so that it compiles once."""
  return functools.partial(rule, **hparams)


def of_trees(
  grove: Grove, asked: Sequence[Ask], rows: Sequence[Sequence[float]]
) -> np.ndarray:
  """Numbers of the new children of each node that was asked for, as [P, K]."""
  found = np.zeros((grove.table.parent.shape[0], grove.width), np.float32)
  for ask, row in zip(asked, rows, strict=True):
    found[ask.plot, : len(row)] = row
  return found


@functools.partial(jax.jit, static_argnames=("nodes", "width"))
def _plant(values: jax.Array, *, nodes: int, width: int) -> SearchTree:
  start = lambda value: trees.start((), nodes=nodes, width=width, root_value=value)
  return jax.vmap(start)(values)


@functools.partial(jax.jit, static_argnames="select")
def _choose(table: SearchTree, *, select: SelectChild) -> tuple[jax.Array, jax.Array]:
  down = lambda tree: trees.descend(tree, select=select)[1]
  return jax.vmap(down)(table), table.closed[:, ROOT]


@functools.partial(jax.jit, static_argnames="backup")
def _add(
  table: SearchTree,
  node: jax.Array,
  new: Children,
  values: Any,
  on: jax.Array,
  *,
  backup: Backup,
) -> tuple[SearchTree, jax.Array]:
  """As an iteration of `search.mcts`, on the trees that are on."""

  def one(tree: SearchTree, node: Any, new: Any, values: Any, on: Any) -> Any:
    grown, children = trees.add(tree, node, new)
    grown = backup(grown, node, children, values)
    grown = trees.close(grown, node, grown.degree[node] > 0)
    kept = jax.tree.map(lambda x, y: jnp.where(on, x, y), grown, tree)
    return kept, jnp.where(on, children, NO_NODE)

  return jax.vmap(one)(table, node, new, values, on)

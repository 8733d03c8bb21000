"""HGS-PRM: greedy search that goes back where all steps are bad. Ma et al., https://arxiv.org/abs/2310.10080.

  at a node: sample children one at a time, up to b; enter the first positive one
  none of b positive: enter the first neutral child;  all negative: dead, to the parent
  until a final answer, or B samples

with a PRM of three classes. A parent goes on with the samples that it has left, then
with neutral children that are not dead. Where the root is dead the search ends with it;
at the limit it gives the deepest node that it has entered: the caller continues either
plainly. A final answer counts where it is entered. b = 3, B = 50, and that neutral
comes between the two, are choices: reviews of the paper confirm only that positive
steps are entered and that it goes back when all are negative.
Labels of code steps by mutation are `prm/trees/hgs_prm`.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Int, Key

from jaxrl.search import tree as trees
from jaxrl.search.tree import NO_NODE, Children, SearchTree, of_children
from jaxrl.types import Leaf, Tree

NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2


@struct.dataclass
class Walk:
  """The search on its way. M nodes; the class of a node is its `value`."""

  tree: SearchTree
  node: Leaf  # [] int32: where it stands
  deepest: Leaf  # [] int32: the first node entered of the greatest depth
  dead: Leaf  # [M] bool
  samples: Leaf  # [] int32: children sampled
  done: Leaf  # [] bool: an answer, or the root is dead
  key: Leaf


def hgs(
  tree: SearchTree,
  key: Key[Array, ""],
  *,
  expand: Callable[[Tree, Array], Children],
  classify: Callable[[Tree], Array],
  children: int = 3,
  samples: int = 50,
) -> tuple[SearchTree, Int[Array, ""], Int[Array, ""]]:
  """The tree, the node to answer from, and the samples used.

  Args:
    tree: from `tree.start`, with room for 1 + `samples` nodes of `children` children.
    key: consumed.
    expand: (row of a node, key) -> one child, which must exist.
    classify: rows of the child, [1, ...] -> its class [1]: 0 negative, 1 neutral, 2
      positive.
    children: b.
    samples: B.
  """
  nodes, width = tree.children.shape
  if nodes < 1 + samples or width < children:
    raise ValueError(f"{nodes} nodes of {width} are too few for {samples} samples")

  def turn(walk: Walk) -> Walk:
    more = walk.tree.degree[walk.node] < children
    sample = lambda walk: _sample(walk, expand, classify)
    walk = jax.lax.cond(more, sample, _move, walk)
    depth = walk.tree.depth
    deeper = depth[walk.node] > depth[walk.deepest]
    return dataclasses.replace(walk, deepest=jnp.where(deeper, walk.node, walk.deepest))

  zero, no = jnp.zeros((), jnp.int32), jnp.zeros((), bool)
  first = Walk(tree, zero, zero, jnp.zeros(nodes, bool), zero, no, key)
  going = lambda walk: ~walk.done & (walk.samples < samples)
  walk = jax.lax.while_loop(going, turn, first)
  return walk.tree, jnp.where(walk.done, walk.node, walk.deepest), walk.samples


def _sample(walk: Walk, expand: Callable, classify: Callable) -> Walk:
  key, use = jax.random.split(walk.key)
  new = expand(trees.row_of(walk.tree, walk.node), use)
  label = classify(new.rows)[0]
  tree, made = trees.add(walk.tree, walk.node, new)
  child = made[0]
  tree = dataclasses.replace(
    tree, value=tree.value.at[child].set(label.astype(jnp.float32))
  )
  enter = label == POSITIVE
  return dataclasses.replace(
    walk,
    tree=tree,
    node=jnp.where(enter, child, walk.node),
    samples=walk.samples + 1,
    done=enter & tree.terminal[child],
    key=key,
  )


def _move(walk: Walk) -> Walk:
  """Down to a neutral child, or up from a node that is dead."""
  tree, node = walk.tree, walk.node
  label, there = of_children(tree, node, tree.value)
  dead, _ = of_children(tree, node, walk.dead)
  alive = there & ~dead & (label >= NEUTRAL)
  child = tree.children[node, jnp.argmax(jnp.where(alive, label, -1.0))]
  found = jnp.any(alive)
  above = tree.parent[node]
  up = jnp.where(above == NO_NODE, node, above)
  return dataclasses.replace(
    walk,
    node=jnp.where(found, child, up),
    dead=walk.dead.at[node].max(~found),
    done=jnp.where(found, tree.terminal[child], above == NO_NODE),
  )

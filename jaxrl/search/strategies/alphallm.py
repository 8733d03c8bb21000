"""AlphaLLM's tree of options, as wide as their values differ. Tian et al., https://arxiv.org/abs/2404.12253.

  `mcts` with the choice, the widths and the backup of `search/alphallm`
  reward(v) = w_V V(v) + w_F O(v) + w_S S(v),  V = 2 (p - 0.5),  S = p
  O(v) = mean of p at the ends of 4 rollouts from v;  p of v itself where it has ended

p is what the one model of steps of a run says: it is the value function, the judge of a
step and, of an answer, the outcome model, which are three in the paper. Rollouts are by
the policy itself, where the paper has a smaller one; they and options that were drawn
and not kept are in the count of tokens. The weights are 1, 1 and 0. Each search makes
one child: the first of a node greedily, others `distinct` from their siblings. A node
of `searching.rounds` steps has none (10 there). There are 40 searches at least and 40
terminal nodes, but no more than 10 times the searches: the root alone is 40 wide.

Answers are the terminal nodes with their O: where no weight is negative the one of the
highest mean reward is that of the highest O, as both grow with p. So `best` is the
paper's answer and `weighted_vote` its vote over terminals, of as many as
`searching.rows`. `search/alphallm_policy` trains on the best trajectories; the
prompts are the task's, as synthesised ones are a matter of data.

Id: alphallm
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxrl.search import alphallm as rules
from jaxrl.search import nodes, options
from jaxrl.search.mcts import mcts
from jaxrl.search.state import Beams, Parts
from jaxrl.search.tree import SearchTree
from jaxrl.types import Tree

MOST = 10  # times the searches


def alphallm(
  parts: Parts,
  key: Key[Array, ""],
  *,
  searches: int = 40,
  widths: tuple[int, int] = (3, 40),
  exploration: float = 1.0,
  weights: tuple[float, float, float] = (1.0, 1.0, 0.0),
  rollouts: int = 4,
  merging: tuple[int, int] = (20, 5),
) -> Beams:
  """The terminal nodes of the tree, by their outcome.

  Args:
    parts: of a search.
    key: consumed.
    searches: at least so many, and so many terminal nodes.
    widths: children of a node and of the root, before they grow.
    exploration: c of the choice.
    weights: w_V, w_F and w_S.
    rollouts: of a node.
    merging: how far an option is from its siblings, and draws of it at most.
  """
  key, last = jax.random.split(key)
  root = options.node(parts, nodes.root(parts), 0)
  start = rules.start(
    root, nodes=1 + MOST * searches, first=widths[0], at_root=widths[1]
  )
  judge = functools.partial(_reward, weights)
  select = functools.partial(rules.alphallm, exploration=exploration)

  def going(state: tuple[SearchTree, Array, Array]) -> Array:
    tree, _, done = state
    few = (done < searches) | (jnp.sum(tree.terminal) < searches)
    return few & (done < MOST * searches)

  def turn(
    state: tuple[SearchTree, Array, Array],
  ) -> tuple[SearchTree, Array, Array]:
    tree, key, done = state
    key, use = jax.random.split(key)
    # A node knows its number, and so its siblings in the tree as it stands.
    expand = functools.partial(options.expand, parts, tree, rollouts, merging)
    tree = mcts(
      tree,
      use,
      expand=expand,
      evaluate=judge,
      select=select,
      backup=rules.backup,
      iterations=1,
      widen=rules.width,
    )
    return tree, key, done + 1

  first = (start, key, jnp.zeros((), jnp.int32))
  return _answers(parts, jax.lax.while_loop(going, turn, first)[0], last)


def _reward(
  weights: tuple[float, float, float], node: Tree, key: Key[Array, ""]
) -> Float[Array, " K"]:
  del key
  p = node["p"]
  return rules.reward(2 * (p - 0.5), node["outcome"], p, weights=weights)


def _answers(parts: Parts, grown: SearchTree, key: Key[Array, ""]) -> Beams:
  own = grown.rows
  plain = dataclasses.replace(
    grown, rows=own["row"], terminal=grown.terminal & own["ended"]
  )
  beams = nodes.answers(parts, plain, own["outcome"], key)
  return dataclasses.replace(
    beams, rows=nodes.account(parts, beams.rows, jnp.sum(own["tokens"]))
  )

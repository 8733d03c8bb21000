"""OmegaPRM: searches by halves from states that are mostly right. Luo et al.,
https://arxiv.org/abs/2406.06592.

  MC(s) = share of right continuations of s;  pool = wrong rollouts r from states with
  0 < MC(s) < 1;  the pair of greatest Q + U (`search/omegaprm`) is searched:
  mid of r's prefixes, MC(mid) = 0: the error is there or before, else behind it

Every prefix that is asked becomes a state, whose own wrong rollouts join the pool, and
N(s) += 1 after a search. The question has four times as many continuations, 32, so that
problems which are too easy or too hard for them (MC 0 or 1) are not searched.

What is written: each searched rollout, and of each state with MC > 0 its first right
one, as solutions whose `right` has the continuations of their states; a state's stand
in one solution, the first that passes it. `labels/omegaprm` makes soft labels of them,
with the outcome for the whole; `omegaprm_hard` hard ones.

`search/omegaprm` has the numbers. The paper has up to 100 searches of a question (from
memory), a public implementation 20. A search ends early where no continuation of a
prefix could be scored. Answers by the sum of solutions' scores are
`search/answers.weighted_vote`, with `prm/scores/product` as the score.

Id: omegaprm
"""

from collections.abc import Sequence

import jax
import numpy as np

from jaxrl.prm.grow import NAN, Ask, Grower, Node, start
from jaxrl.prm.hunt import Hunt, halve
from jaxrl.prm.label import Labeller
from jaxrl.prm.written import Written
from jaxrl.problems import Problem
from jaxrl.search import omegaprm as rule


def omegaprm(
  labeller: Labeller,
  numbered: Sequence[tuple[int, Problem]],
  *,
  searches: int = 20,
  completions: int = 8,
  alpha: float = 0.5,
  beta: float = 0.9,
  scale: float = 500.0,
  exploration: float = 0.125,
) -> list[list[Written]]:
  """The rollouts of each problem's searches, with all continuations of their states."""
  grower = start(labeller, numbered)
  hunts = [Hunt(plot, [], [], [], [], []) for plot in range(len(grower.plots))]
  roots = [Ask(hunt.plot, 0, Node()) for hunt in hunts]
  for hunt, rollouts in zip(
    hunts, grower.completions(roots, 4 * completions), strict=True
  ):
    hunt.learn(Node(), rollouts)
  numbers = {
    "alpha": alpha,
    "beta": beta,
    "scale": scale,
    "exploration": exploration,
  }
  for _ in range(searches):
    size = max(len(hunt.pool) for hunt in hunts)
    going = [
      (hunt, search)
      for hunt in hunts
      if (search := hunt.next_search(_priorities(hunt, size, numbers))) is not None
    ]
    if not going:
      break
    halve(grower, going, completions)
    for hunt, search in going:
      hunt.visits[search.state] += 1
  return [_written(grower, hunt) for hunt in hunts]


def _priorities(hunt: Hunt, size: int, numbers: dict[str, float]) -> np.ndarray:
  """Q + U of each pair of the pool."""
  # Sizes that double: few compilations.
  pairs, states = (1 << (n - 1).bit_length() for n in (max(size, 8), len(hunt.states)))
  state = np.full(pairs, rule.NO_PAIR, np.int32)
  length = np.zeros(pairs, np.float32)
  mc, visits = np.zeros(states, np.float32), np.zeros(states, np.int32)
  for i, (number, rollout) in enumerate(hunt.pool):
    state[i] = number
    length[i] = len(rollout.tokens) - len(hunt.states[number].tokens)
  mc[: len(hunt.states)] = np.nan_to_num(hunt.mc)
  visits[: len(hunt.states)] = hunt.visits
  return np.asarray(_rule(mc, visits, state, length, **numbers))


_rule = jax.jit(rule.omegaprm)


def _written(grower: Grower, hunt: Hunt) -> list[Written]:
  width = max(len(row) for row in hunt.right)
  # By tokens: two rollouts may pass the same state.
  waiting = {
    state.tokens: row for state, row in zip(hunt.states, hunt.right, strict=True)
  }
  found = []
  for i, node in enumerate(hunt.ends):
    right = np.full((len(node.texts) + 1, width), NAN)
    for steps in range(len(node.texts)):
      row = waiting.pop(node.until(steps).tokens, None)
      if row is not None:
        right[steps, : len(row)] = row
    found.append(grower.written(hunt.plot, i, node, {"right": right}))
  return found

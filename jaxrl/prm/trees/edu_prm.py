"""EDU-PRM: a tree that forks where entropy is high. Cao et al.,
https://arxiv.org/abs/2503.22233.

  decode greedily; at a token i with H_i > threshold the fragment ends before i, and the
  path forks into the two most probable tokens, while there are fewer than `leaves`
  y(n) = share of the leaves below the fragment n whose answer is right

in nats, over the full vocabulary at temperature 1. Forks are made in the order of a
queue; a path decodes on from its forked token, which is no place to fork again. Once
there are `leaves` of them all paths go on to their ends.

`values` has the shares along the path of each leaf, each fragment's in the first of
them alone, so that it is learned once, by `prm/objectives/step_bce` on
`labels/edu_prm`. At test the leaves of the same tree are the candidates. Where the
paper is silent: 1 nat, 64 leaves for training, shares over leaves and not children; a
leaf that no verifier could score is left out, and a fragment without text is none.

Id: edu_prm
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxrl.prm.forks import Line, lines
from jaxrl.prm.grow import NAN, Ask, Grower, Node, start
from jaxrl.prm.label import Labeller
from jaxrl.prm.response import pieces
from jaxrl.prm.written import Written
from jaxrl.problems import Problem


@dataclasses.dataclass(eq=False)
class Branch:
  """A path on its way to a leaf. Numbers of tokens, from the question on."""

  plot: int
  tokens: tuple[int, ...]
  ends: tuple[int, ...] = ()  # of its fragments
  line: Line | None = None  # how it goes on, where that is known
  done: bool = False


def edu_prm(
  labeller: Labeller,
  numbered: Sequence[tuple[int, Problem]],
  *,
  threshold: float = 1.0,
  leaves: int = 64,
) -> list[list[Written]]:
  """The leaves of each problem's tree, with the shares of their fragments."""
  grower = start(labeller, numbered)
  trees = [[Branch(plot, ())] for plot in range(len(grower.plots))]
  while waiting := [one for tree in trees for one in tree if not one.done]:
    unknown = [one for one in waiting if one.line is None]
    asked = [Ask(one.plot, 0, Node(tokens=one.tokens)) for one in unknown]
    for one, line in zip(unknown, lines(grower, asked), strict=True):
      one.line = line
    for one in waiting:
      _fork(grower, trees[one.plot], one, threshold, leaves)
  return [_written(grower, plot, tree) for plot, tree in enumerate(trees)]


def _fork(
  grower: Grower, tree: list[Branch], one: Branch, threshold: float, leaves: int
) -> None:
  """Follows a branch to its next fork, or to its end."""
  line = one.line
  assert line is not None
  places = np.flatnonzero(line.entropy > threshold)
  stops = grower.run.rules.stop_ids
  if len(places) == 0 or len(tree) >= leaves:
    whole = (*one.tokens, *line.tokens)
    one.tokens = whole[: len(whole) - (bool(whole) and whole[-1] in stops)]
    one.done, one.line = True, None
    return
  at = int(places[0])
  before = (*one.tokens, *line.tokens[:at])
  ends = (*one.ends, len(before)) if before else ()
  other = int(line.second[at])
  twin = Branch(one.plot, (*before, other), ends)
  if other in stops:
    twin = Branch(one.plot, before, ends, done=True)
  tree.insert(tree.index(one) + 1, twin)  # the order of a queue
  one.tokens, one.ends = (*before, line.tokens[at]), ends
  one.line = line.after(at + 1)
  if line.tokens[at] in stops:
    one.tokens, one.done, one.line = before, True, None


def _written(grower: Grower, plot: int, tree: Sequence[Branch]) -> list[Written]:
  """The verified leaves, with the share of those below each fragment that is right."""
  asked = [Ask(plot, 0, Node())] * len(tree)
  nodes = [n for (n,) in grower.verified(asked, [[_leaf(grower, one)] for one in tree])]
  nodes = [node for node in nodes if node.texts and not np.isnan(node.outcome)]
  below: dict[tuple[int, ...], list[float]] = {}
  for node in nodes:
    for end in node.ends:
      below.setdefault(node.tokens[:end], []).append(node.outcome)
  found = []
  for i, node in enumerate(nodes):
    values = np.full(len(node.texts) + 1, NAN)
    for step, end in enumerate(node.ends, start=1):
      if outcomes := below.pop(node.tokens[:end], None):
        values[step] = np.mean(outcomes)
    found.append(grower.written(plot, i, node, {"values": values}))
  return found


def _leaf(grower: Grower, one: Branch) -> Node:
  """A whole response, cut into its fragments."""
  parts = pieces(grower.run.tokenizer, one.tokens)
  ends, texts, start = [], [], 0
  for end in (*one.ends, len(one.tokens)):
    text = "".join(parts[start:end])
    if text:
      ends.append(end)
      texts.append(text)
      start = end
  tokens = one.tokens[: ends[-1]] if ends else ()
  return Node(tokens=tokens, ends=tuple(ends), texts=tuple(texts), terminal=True)

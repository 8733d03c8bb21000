"""Dominance, the tree of criteria, and the pairs that come of them (DG-PRM)."""

import itertools

import numpy as np
import pytest

from jaxrl.errors import UserError
from jaxrl.prm import criteria, pareto
from jaxrl.prm.criteria import Criterion
from jaxrl.prm.solutions import Solution, to_line
from jaxrl.tasks.step_pairs import step_pairs

NAN = float("nan")


def candidates(seed, n=7, c=3, levels=4):
  """Scores with many ties."""
  return np.random.default_rng(seed).integers(0, levels, size=(n, c)).astype(float)


def plain(scores):
  """Pairs by the definition, one comparison after another."""
  above = lambda a, b: (
    all(x >= y for x, y in zip(a, b, strict=True))
    and any(x > y for x, y in zip(a, b, strict=True))
  )
  free = [a for a in scores if not any(above(b, a) for b in scores)]
  inside = lambda a: any((a == one).all() for one in free)
  n = range(len(scores))
  return [
    (i, j) for i in n for j in n if inside(scores[i]) and above(scores[i], scores[j])
  ]


@pytest.mark.parametrize("seed", range(20))
def test_pairs_are_those_of_the_definition(seed):
  scores = candidates(seed)
  assert pareto.pairs(scores) == plain(scores)


@pytest.mark.parametrize("seed", range(10))
def test_dominance_is_a_strict_order(seed):
  above = pareto.dominance(candidates(seed))
  assert above.any() and not np.diag(above).any() and not (above & above.T).any()
  for a, b, c in itertools.product(range(len(above)), repeat=3):
    assert above[a, c] or not (above[a, b] and above[b, c])


@pytest.mark.parametrize("seed", range(10))
def test_only_the_order_within_a_criterion_counts(seed):
  scores = candidates(seed)
  bent = scores.copy()
  bent[:, 1] = np.exp(3 * bent[:, 1]) - 7
  twice = np.concatenate([scores, scores[:, :1]], axis=1)
  assert pareto.pairs(bent) == pareto.pairs(twice) == pareto.pairs(scores)


def test_small_cases():
  assert pareto.pairs(np.array([[1.0], [3.0], [2.0], [3.0]])) == [
    (1, 0),
    (1, 2),
    (3, 0),
    (3, 2),
  ]
  assert pareto.pairs(np.array([[1.0, 2.0], [2.0, 1.0]])) == []
  assert pareto.pairs(np.ones((4, 2))) == []
  assert pareto.pairs(np.zeros((3, 0))) == []
  # In the middle of a chain: neither best nor, with a worse one, a positive.
  assert pareto.pairs(np.array([[3.0], [2.0], [1.0]])) == [(0, 1), (0, 2)]
  assert pareto.pairs(np.array([[1.0, NAN], [0.0, 0.0], [1.0, 1.0]])) == [(2, 1)]


# --- criteria -----------------------------------------------------------------------


def encode(texts):
  """One direction for each first word, a little of another for the rest."""
  words = ["calculation", "logic", "style", "sum", "product", "order", "proof"]
  rows = []
  for text in texts:
    first, *rest = text.lower().split()
    row = np.array([float(word == first) for word in words])
    row += 0.3 * np.array([float(word in rest) for word in words])
    rows.append(row / np.linalg.norm(row))
  return np.array(rows)


def test_lines_with_a_colon_are_criteria():
  text = "Well.\n1. Calculation: sum is right\n- Logic : order of steps \nnothing\n"
  assert criteria.read(text) == [
    ("Calculation", "sum is right"),
    ("Logic", "order of steps"),
  ]


def test_near_duplicates_are_merged():
  found = [
    ("Calculation", "sum is right"),
    ("Logic", "order of steps"),
    ("calculation", "product is right"),
    ("Calculation", "Sum is right"),
  ]
  tree = criteria.grown([], found, encode)
  assert tree == [
    Criterion("Calculation", ("sum is right", "product is right")),
    Criterion("Logic", ("order of steps",)),
  ]
  apart = criteria.grown(tree, [("Calculation sum", "sum is right")], encode)
  assert apart == tree, "0.96 is similar enough"
  strict = criteria.grown(
    tree, [("Calculation sum", "sum is right")], encode, similar=0.97
  )
  assert len(strict) == 3


def test_criteria_of_the_nearest_coarse_one_come_first():
  tree = [
    Criterion("Style", ("order is clear",)),
    Criterion("Calculation", ("product is right", "sum is right")),
    Criterion("Proof"),
  ]
  steps = ["calculation of the sum", "sum again"]
  found = criteria.chosen(tree, steps, encode, most=3)
  assert found[0] == "sum is right" and found[1] == "product is right"
  assert len(found) == 3 and len(criteria.chosen(tree, steps, encode)) == 4
  assert "Proof" in criteria.chosen(tree, steps, encode)
  assert criteria.chosen([], steps, encode) == []


def test_a_tree_is_kept_and_read(tmp_path):
  tree = [Criterion("Logic", ("a", "b")), Criterion("Style")]
  criteria.save(tree, tmp_path / "tree.json")
  assert criteria.load(tmp_path / "tree.json") == tree
  (tmp_path / "list.json").write_text("[1]")
  with pytest.raises(UserError, match="no tree of criteria"):
    criteria.load(tmp_path / "list.json")


# --- the task -----------------------------------------------------------------------


def line(pair, outcome, step, question="1?"):
  about = {} if pair is None else {"pair": pair}
  return Solution("p", question, ("a\n", step), (None, outcome), outcome, about=about)


def test_each_pair_is_a_problem(tmp_path):
  path = tmp_path / "pairs.jsonl"
  lines = []
  for n in range(30):
    lines += [
      line(None, 1.0, "whole", f"{n}?"),
      line(f"{n}.1.0", 1.0, "good", f"{n}?"),
      line(f"{n}.1.0", 0.0, "bad", f"{n}?"),
      line(f"{n}.1.1", 1.0, "good", f"{n}?"),
      line(f"{n}.1.1", 0.0, "worse", f"{n}?"),
    ]
  path.write_text("".join(map(to_line, lines)))
  task = step_pairs(path=str(path), test_fraction=0.3)
  assert len(task.train) + len(task.test) == 60
  assert len({problem.id for problem in (*task.train, *task.test)}) == 60
  assert not {p.question for p in task.train} & {p.question for p in task.test}
  steps = [[one["steps"][1] for one in p.data["solutions"]] for p in task.train]
  assert steps == [["good", "bad"], ["good", "worse"]] * (len(steps) // 2)
  path.write_text("".join(map(to_line, lines[:2])))
  with pytest.raises(UserError, match=r"pair 0\.1\.0 of problem p"):
    step_pairs(path=str(path))
  path.write_text(to_line(lines[0]))
  with pytest.raises(UserError, match="no pair of steps"):
    step_pairs(path=str(path))

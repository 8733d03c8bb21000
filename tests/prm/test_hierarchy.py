"""Items of single steps and merged pairs, and compressed trees."""

import random
from collections import Counter

import pytest

from jaxrl.prm import hierarchy
from jaxrl.prm.hierarchy import Item, Node
from jaxrl.prm.solutions import Solution, to_line
from jaxrl.tasks.hierarchical_steps import hierarchical_steps


def solution(steps, outcome, question="q"):
  names = tuple(f"{one}\n" for one in steps)
  return Solution(question, question, names, (None,) * len(steps), outcome)


def grown(seed=0, depth=4, width=5):
  """Records of the solutions of a full tree with outcomes by chance."""
  rng = random.Random(seed)
  found = []

  def grow(steps):
    if len(steps) == depth or (steps and rng.random() < 0.15):
      outcome = rng.choice([1.0, 0.0, None])
      found.append({"steps": [f"{x}\n" for x in steps], "outcome": outcome})
      return
    for k in range(rng.randint(2, width)):
      grow([*steps, f"{len(steps)}{k}"])

  grow([])
  return found


def paths(node, before=()):
  """Every leaf as (the text of its path, its outcome), however it is cut."""
  here = (*before, *node.text.split())
  yield from ((here, outcome) for outcome in node.leaves)
  for child in node.children:
    yield from paths(child, here)


def test_shares_are_those_of_the_leaves_below():
  found = grown()
  root = hierarchy.tree(found)
  for before, node in hierarchy.nodes(root):
    steps = [*before, node.text]
    below = [s["outcome"] for s in found if s["steps"][: len(steps)] == steps]
    right = sum(outcome == 1.0 for outcome in below)
    assert node.share == right / len(below)
  assert sum(1 for _ in hierarchy.nodes(root)) == len(
    {tuple(s["steps"][: t + 1]) for s in found for t in range(len(s["steps"]))}
  )


@pytest.mark.parametrize("seed", range(6))
def test_compression_keeps_leaves_and_changes_old_parents_only(seed):
  root = hierarchy.tree(grown(seed))
  moved = hierarchy.compressed(root, random.Random(seed), chance=1.0)
  assert Counter(paths(moved)) == Counter(paths(root))
  assert moved.share == root.share
  key = lambda before, node: tuple(" ".join((*before, node.text)).split())
  old = {key(*pair): pair for pair in hierarchy.nodes(root)}
  new = {key(*pair): pair for pair in hierarchy.nodes(moved)}
  parents = set()  # of nodes that have moved
  for words, (before, _) in new.items():
    if len(before) + 1 < len(words):
      was = old[words][0]
      parents |= {tuple(" ".join(was[:d]).split()) for d in range(1, len(was) + 1)}
  for words in set(old) & set(new):
    if words not in parents:
      assert new[words][1].share == pytest.approx(old[words][1].share), words
  full = any(len(node.children) >= 4 for _, node in hierarchy.nodes(root))
  assert (moved != root) == full


def test_one_child_of_a_full_node_moves_to_its_grandparent():
  leaf = lambda name, outcome: Node(f"{name}\n", [], [outcome])
  parent = Node("p\n", [leaf(n, float(n == "a")) for n in "abcd"])
  root = Node("", [parent, leaf("z", 1.0)])
  moved = hierarchy.compressed(root, random.Random(0), chance=1.0)
  assert [child.text for child in moved.children] == ["p\n", "z\n", "p a\n"]
  assert [child.text for child in moved.children[0].children] == ["b\n", "c\n", "d\n"]
  assert (parent.share, moved.children[0].share) == (0.25, 0.0)
  assert moved.children[2].share == 1.0 and root.children[0] is parent
  three = Node("", [Node("p\n", parent.children[:3])])
  assert hierarchy.compressed(three, random.Random(0), chance=1.0) == three
  # Children of the root have no grandparent.
  flat = Node("", parent.children)
  assert hierarchy.compressed(flat, random.Random(0), chance=1.0) == flat


def test_without_a_chance_nothing_moves():
  root = hierarchy.tree(grown())
  assert hierarchy.compressed(root, random.Random(0), chance=0.0) == root
  rng = random.Random(1)
  half = [
    hierarchy.compressed(hierarchy.tree(grown()), rng, chance=0.5) for _ in range(3)
  ]
  assert half[0] != half[1] or half[1] != half[2]


def test_a_coarse_item_has_the_later_steps_label():
  fine = hierarchy.labelled_items(
    {"steps": ["a \n", "b\n", "c\n"], "labels": [0.0, 1.0, None]}
  )
  assert fine == [Item((), "a \n", 0.0), Item(("a \n",), "b\n", 1.0)]
  assert hierarchy.coarse_items(fine) == [Item((), "a b\n", 1.0)]
  three = Item(("a\n", "b\n"), "c\n", 0.25)
  assert hierarchy.coarse_items([three]) == [Item(("a\n",), "b c\n", 0.25)]


def test_balance_by_number_of_steps_and_label():
  kinds = {(0, 0.0): 40, (0, 1.0): 10, (1, 0.5): 100, (1, 0.0): 3, (2, 1.0): 7}
  items = [
    Item(("s",) * height, str(i), label)
    for (height, label), count in kinds.items()
    for i in range(count)
  ]
  places = hierarchy.balanced(items, random.Random(0))
  kept = Counter((len(items[i].before), items[i].label) for i in places)
  expected = {(0, 0.0): 10, (0, 1.0): 10, (1, 0.5): 10, (1, 0.0): 3, (2, 1.0): 7}
  assert kept == expected and places == sorted(set(places))
  assert len(hierarchy.balanced(items, random.Random(0), least_share=1.0)) == 160


def test_the_task_holds_items_of_both_trees(tmp_path):
  path = tmp_path / "labels.jsonl"
  lines = []
  for q in range(12):
    for k in range(5):
      lines.append(to_line(solution(["p", f"{k}", "end"], float(k == q % 5), f"q{q}")))
  path.write_text("".join(lines))
  options = {"path": str(path), "least_share": 1.0}
  task = hierarchical_steps(**options, move_chance=1.0)
  plain = hierarchical_steps(**options, move_chance=0.0, coarse=False)
  texts = lambda task: {
    ("".join(one["steps"]), len(one["steps"]), one["labels"][-1])
    for problem in task.train
    for one in problem.data["solutions"]
  }
  assert texts(plain) < texts(task)
  found = texts(task) - texts(plain)
  assert {t for t in found if t[0].startswith("p 0\n")}, "nothing has moved"
  assert any(t[0] == "p\n3 end\n" for t in found), "no pair of steps"
  for problem in task.train:
    for one in problem.data["solutions"]:
      assert one["labels"][:-1] == [None] * (len(one["steps"]) - 1)
  assert task.test and task.test == plain.test
  for problem in task.test:
    for one in problem.data["solutions"]:
      assert one["labels"] == [0.2, one["outcome"], one["outcome"]]
  numbers = [s["number"] for p in task.train for s in p.data["solutions"]]
  assert sorted(numbers) == list(range(len(numbers)))
  again = hierarchical_steps(**options, move_chance=1.0)
  assert texts(again) == texts(task)
  labelled = hierarchical_steps(**options, labels="file")
  assert not labelled.train, "the file has no labels of steps"

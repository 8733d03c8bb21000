"""Which problems come next: epochs, weights, and a state that is the position."""

import json
from collections import Counter

import pytest

from jaxrl.errors import UserError
from jaxrl.pick import names, pick
from jaxrl.problems import Problem, Task


def task(weights=None, sizes=None):
  sizes = sizes or {"a": 6, "b": 9}
  train = [
    Problem(f"{source}{i}", source, f"{source}{i}", "", {})
    for source, size in sizes.items()
    for i in range(size)
  ]
  return Task("t", train, [], lambda p, r: None, lambda p: [], weights)


@pytest.mark.parametrize("name", names("curricula"))
def test_the_state_is_the_position(name):
  """Drawing 3 and then 4 from a state through JSON equals drawing 7."""
  curriculum = pick("curricula", name)(task(), 0)
  whole, end = curriculum.draw(curriculum.init(), 7)
  some, state = curriculum.draw(curriculum.init(), 3)
  again = pick("curricula", name)(task(), 0)
  rest, there = again.draw(json.loads(json.dumps(state)), 4)
  assert some + rest == whole and there == end


def test_every_problem_once_an_epoch_in_a_new_order():
  curriculum = pick("curricula", "uniform")(task(), 0)
  drawn, _ = curriculum.draw(curriculum.init(), 45)
  epochs = [[p.id for p in drawn[i : i + 15]] for i in (0, 15, 30)]
  assert all(sorted(e) == sorted(epochs[0]) and len(set(e)) == 15 for e in epochs)
  assert epochs[0] != epochs[1] != epochs[2]
  other = pick("curricula", "uniform")(task(), 1)
  assert [p.id for p in other.draw(other.init(), 15)[0]] != epochs[0]


def test_a_mix_is_drawn_by_its_weights():
  curriculum = pick("curricula", "uniform")(task({"a": 0.75, "b": 0.25}), 0)
  drawn, _ = curriculum.draw(curriculum.init(), 400)
  assert Counter(p.source for p in drawn) == {"a": 300, "b": 100}


def test_a_source_without_problems_is_named():
  with pytest.raises(UserError, match=r"no training problems from \['b'\]"):
    pick("curricula", "uniform")(task({"a": 0.5, "b": 0.5}, {"a": 3}), 0)

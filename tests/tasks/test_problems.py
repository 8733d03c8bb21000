import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxrl.errors import UserError
from jaxrl.problems import (
  Problem,
  by_source,
  from_json,
  in_test,
  problem_id,
  split_by_question,
  to_json,
)


def problems(count: int, source: str = "s") -> list[Problem]:
  questions = [f"{i} + {i * 7 % 31}" for i in range(count)]
  return [Problem(problem_id(source, q), source, q, "a", {"i": q}) for q in questions]


def questions(side: list[Problem]) -> list[str]:
  return [problem.question for problem in side]


def test_no_question_is_on_both_sides_and_none_is_lost():
  drawn = problems(300) + problems(200) + problems(100, "other source")
  train, test = split_by_question(drawn, 0.3)
  assert not set(questions(train)) & set(questions(test))
  assert sorted(questions(train) + questions(test)) == sorted(questions(problems(300)))
  assert 60 < len(test) < 120


def test_the_side_depends_on_the_question_alone():
  drawn = problems(300)
  train, test = split_by_question(drawn, 0.3)
  for seed in range(3):
    some = random.Random(seed).sample(drawn, 200)
    again_train, again_test = split_by_question(some, 0.3)
    assert set(questions(again_train)) <= set(questions(train))
    assert set(questions(again_test)) <= set(questions(test))
    order = questions(some)
    assert questions(again_train) == sorted(questions(again_train), key=order.index)


def test_the_split_is_the_same_in_every_version():
  """Moving a question to the other side would leak it into runs that go on."""
  keys = [str(i) for i in range(16)]
  held_out = [key for key in keys if in_test(key, 0.25)]
  assert held_out == ["8", "9", "13"]
  assert problem_id("gcd", "of 4 and 6?") == "acb7e26437a80786"


def test_wordings_of_one_question_stay_together():
  worded = [
    Problem(str(i), "s", template.format(i), "a", {"i": i})
    for i in range(200)
    for template in ("What is {}?", "Compute {}.")
  ]
  train, test = split_by_question(worded, 0.5, key=lambda p: str(p.data["i"]))
  assert not {p.data["i"] for p in train} & {p.data["i"] for p in test}
  assert len(train) + len(test) == 400


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0, float("nan")])
def test_a_fraction_outside_is_an_error(fraction):
  with pytest.raises(UserError, match="between 0 and 1"):
    split_by_question(problems(10), fraction)


@pytest.mark.parametrize(("count", "fraction"), [(0, 0.5), (1, 0.5), (5, 1e-9)])
def test_an_empty_side_is_an_error(count, fraction):
  with pytest.raises(UserError, match="split is empty"):
    split_by_question(problems(count), fraction)


def test_by_source_keeps_everything_in_order():
  a, b = problems(5, "a"), problems(3, "b")
  assert by_source([a[0], b[0], *a[1:], *b[1:]]) == {"a": a, "b": b}


plain = st.recursive(
  st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
  lambda inner: (
    st.lists(inner, max_size=3)
    | st.lists(inner, max_size=3).map(tuple)
    | st.dictionaries(st.text() | st.integers() | st.tuples(st.integers()), inner)
    | st.sampled_from(["__tuple__", "__dict__", "__x"]).map(lambda k: {k: [[1, 2]]})
  ),
  max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(plain)
def test_json_keeps_plain_values(value):
  back = from_json(to_json(value))
  assert back == value
  assert repr(back) == repr(value)  # 1 == 1.0 == True, and (1,) is not [1]


def test_json_refuses_other_objects():
  for value in (object(), {1, 2}, np.arange(3), b"bytes"):
    with pytest.raises(TypeError):
      to_json(value)

"""Mutants of programs, classes of their lines, and a critic that starts as a PRM."""

import ast
import dataclasses
import json
import random

import jax
import numpy as np
import pytest

from jaxrl.build import build
from jaxrl.config import EvaluationConfig, LabellingConfig, resolve
from jaxrl.draw import verifiers
from jaxrl.errors import UserError
from jaxrl.explore.recorded import rows_of
from jaxrl.prm import label as label_lib
from jaxrl.prm import score_steps
from jaxrl.prm.mutate_code import mutants
from jaxrl.prm.solutions import read
from jaxrl.tasks.code_jsonl import last_block
from tests import tiny

PROGRAM = '''def total(values):
  """The sum of 2 numbers."""
  # Start at nothing.
  found = 0

  for value in values:
    if value > 0 and value != 7:
      found = found + value * 1
  return found
'''


def of_program(program, seed=0, most=100):
  return mutants(program, random.Random(seed), most=most)


def test_a_mutant_differs_in_its_line_alone():
  lines = tuple(PROGRAM.splitlines(keepends=True))
  made = of_program(PROGRAM)
  assert len({one.lines for one in made}) == len(made) > 10
  for one in made:
    differing = [i for i in range(len(lines)) if one.lines[i] != lines[i]]
    assert differing == [one.line] and len(one.lines) == len(lines)
    ast.parse("".join(one.lines))
  # The condition, a comparison, its conjunction, constants, a sum: not the docstring.
  texts = {one.lines[one.line].strip() for one in made}
  assert {
    "found = 1",
    "if (value > 0 or value != 7):",
    "if (value >= 0) and value != 7:",
    "if (not (value > 0 and value != 7)):",
    "found = (found - value * 1)",
    "found = found + (value + 1)",
    "found = found + value * 2",
  } <= texts
  assert not {one.line for one in made} & {1, 2}


def test_mutants_are_drawn_by_the_seed():
  some = of_program(PROGRAM, most=3)
  assert len(some) == 3 and some == of_program(PROGRAM, most=3)
  assert some != of_program(PROGRAM, seed=1, most=3)


@pytest.mark.parametrize(
  "program", ["", "x =", "def f():\n  return x\n", "\0", "x = 'é' + y\n"]
)
def test_programs_with_little_to_change(program):
  for one in of_program(program):
    ast.parse("".join(one.lines))


def test_changes_stand_behind_letters_of_several_bytes():
  made = of_program("é = 'ü' if 1 < 2 else 'ö'\n")
  assert "é = 'ü' if (1 <= 2) else 'ö'\n" in {one.lines[0] for one in made}


# --- labels of mutants --------------------------------------------------------------


def records(folder):
  tests = ["assert total([1, 2]) == 3", "assert total([-1, 7]) == 0"]
  right = {"text": "Add up.", "code": PROGRAM, "test_list": tests}
  wrong = {**right, "text": "Add up wrongly.", "code": PROGRAM.replace("0\n", "5\n")}
  empty = {**right, "text": "Nothing.", "code": "pass\n"}
  path = folder / "code.jsonl"
  path.write_text("".join(json.dumps(one) + "\n" for one in (right, wrong, empty)))
  other = folder / "test.jsonl"
  other.write_text(json.dumps({**right, "text": "Another."}) + "\n")
  return {"name": "code_jsonl", "train_path": str(path), "test_path": str(other)}


def test_classes_of_lines_are_the_tests_verdicts(tmp_path):
  config = resolve(
    tiny.config(
      tmp_path / "run",
      task=records(tmp_path),
      evaluation=EvaluationConfig(problems=0),
      labelling=LabellingConfig(problems=3, batch_problems=2),
      cut={"name": "code_lines"},
      tree={"name": "hgs_prm", "mutants": 12},
      query={"name": "nothing"},
      labels={"name": "hgs_prm"},
    )
  )
  run, path = build(config)[0], tmp_path / "labels.jsonl"
  with verifiers(run) as pool:
    if "fork" not in pool.isolation:
      pytest.skip("programs run on Linux only")
    counts = label_lib.label(run, pool, {}, path)
  found = read(path)
  assert counts["programs_not_right"] == 1 and counts["programs_without_mutants"] == 1
  assert len({one.problem for one in found}) == 1 and len(found) == 13
  whole, *changed = found
  assert set(whole.labels) == {1.0} and whole.outcome == 1
  code_lines = [i for i in PROGRAM.splitlines() if i.strip() and "#" not in i]
  assert len(whole.steps) == len(code_lines)
  classes = set()
  for one in changed:
    names = {}
    try:
      exec(last_block(one.text), names)
      passes = names["total"]([1, 2]) == 3 and names["total"]([-1, 7]) == 0
    except Exception:
      passes = False
    assert one.outcome == float(passes)
    at = next(i for i, step in enumerate(one.steps) if step != whole.steps[i])
    assert one.labels[:at] == (1.0,) * at
    assert one.labels[at] == (0.0 if passes else -1.0)
    assert set(one.labels[at + 1 :]) <= {None}
    classes.add(one.labels[at])
  assert classes == {0.0, -1.0}, "both kinds of mutants"


# --- a critic that starts as a model of steps ---------------------------------------


def with_critic(folder, **changes):
  settings = {
    "advantage": {"name": "gae"},
    "steps": 2,
    "evaluation": EvaluationConfig(problems=0),
    **changes,
  }
  return resolve(tiny.config(folder / "run", **settings))


def started(folder, directory, **changes):
  base = with_critic(folder, **changes)
  model = dataclasses.replace(base.model, critic_from=directory)
  return build(dataclasses.replace(base, model=model))


def test_the_critic_says_what_the_model_of_steps_says(tmp_path):
  """Both read what stands before a token."""
  directory = tiny.prm_directory()
  run, state = started(tmp_path, directory)
  scorer = score_steps.load(directory)
  problems = scorer.run.task.test[:4]
  rows = rows_of(
    scorer.run, problems, [p.data["solutions"][0] for p in problems], train="steps"
  )
  policy = dataclasses.replace(
    run.policy, response_width=scorer.run.policy.response_width, responses_per_row=1
  )
  values = policy.forward(state.params, run.frozen, rows, ("values",)).values
  scores = np.asarray(scorer(rows))
  on = np.asarray(rows.mask) > 0
  sigmoid = 1 / (1 + np.exp(-np.asarray(values)[on]))
  np.testing.assert_allclose(sigmoid, scores[on], atol=1e-5)
  assert on.sum() > 4 and np.abs(np.asarray(values)[on]).max() > 1e-3
  _, plain = build(with_critic(tmp_path))
  same = jax.tree.map(np.array_equal, state.params["policy"], plain.params["policy"])
  assert all(jax.tree.leaves(same)), "the policy starts where it did"


def test_critics_that_cannot_start_so_are_errors(tmp_path):
  directory = tiny.prm_directory()
  with pytest.raises(UserError, match="no method reads what a critic says"):
    started(tmp_path, directory, advantage={"name": "group_norm"})
  model = dataclasses.replace(with_critic(tmp_path).model, lora_rank=2)
  with pytest.raises(UserError, match="has another shape than a critic of this run"):
    started(tmp_path, directory, model=model)
  with pytest.raises(UserError, match="no run directory"):
    started(tmp_path, str(tmp_path / "nothing"))

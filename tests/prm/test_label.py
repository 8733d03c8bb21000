"""Labelling: what is written, and that stopping and batching change none of it."""

import dataclasses
import types

import jax
import numpy as np
import pytest

from jaxrl.build import build
from jaxrl.config import EvaluationConfig, LabellingConfig, resolve
from jaxrl.draw import verifiers
from jaxrl.explore.recorded import rows_of
from jaxrl.policy import jitted_outputs_old
from jaxrl.prm import label as label_lib
from jaxrl.prm.response import Response
from jaxrl.prm.solutions import read
from jaxrl.prm.written import of_problem
from jaxrl.problems import chat
from jaxrl.tasks.token_arithmetic import token_arithmetic
from tests import tiny


def config(tmp_path, **labelling):
  settings = {
    "problems": 6,
    "solutions": 2,
    "completions": 3,
    "batch_problems": 2,
    "batch_prefixes": 4,
    **labelling,
  }
  base = tiny.config(
    tmp_path / "run",
    task={"name": f"{tiny.OWN}:parity_task"},
    evaluation=EvaluationConfig(problems=0),
    cut={"name": "fixed_length", "tokens": 2},
    labelling=LabellingConfig(**settings),
  )
  return resolve(base)


def labels(config, path):
  run, state = build(config)
  with verifiers(run) as pool:
    return label_lib.label(run, pool, state.params, path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
  """A file of labels, and the counts of the call that made it."""
  folder = tmp_path_factory.mktemp("whole")
  return folder / "labels.jsonl", labels(config(folder), folder / "labels.jsonl")


def test_labels_are_shares_of_completions(whole):
  path, counts = whole
  found = read(path)
  assert counts["problems"] == 6 and counts["solutions"] == len(found)
  assert counts["steps"] == sum(len(one.steps) for one in found) > len(found)
  assert len({one.problem for one in found}) == 6
  for one in found:
    assert one.messages == tuple(chat(one.question))
    rates = [np.mean(row) for row in one.about["right"][1 : len(one.steps)]]
    np.testing.assert_allclose(one.labels[:-1], rates)
    assert one.labels[-1] in (one.outcome, None) or one.labels[-1] == one.outcome
  assert len({label for one in found for label in one.labels}) > 2


def test_a_killed_run_goes_on_where_it_was(whole, tmp_path):
  """In the middle of a line, and of a problem's neighbours."""
  path, _ = whole
  text = path.read_text()
  first = {one.problem for one in read(path)[:2]}
  lines = text.splitlines(keepends=True)
  kept = [line for line in lines if any(f'"{p}"' in line for p in first)]
  again = tmp_path / "labels.jsonl"
  again.write_text("".join(kept) + lines[len(kept)][:50])
  counts = labels(config(tmp_path), again)
  assert counts["problems"] == 6 - len(first)
  assert counts["problems_done_before"] == len(first)
  assert sorted(again.read_text().splitlines()) == sorted(text.splitlines())


def test_a_line_says_in_which_turns_it_was_asked():
  """With documents before the question, for whoever reads the file."""
  task = dataclasses.replace(
    token_arithmetic(max_operand=9),
    messages=lambda problem: chat(f"{problem.question} Go.", "Be brief."),
  )
  problem = task.train[0]
  asked = of_problem(task, problem)
  assert asked["messages"] == tuple(task.messages(problem))
  assert asked["question"] == problem.question
  told = of_problem(task, problem, ["One.", "Two."])
  assert told["question"] == f"One.\n\nTwo.\n\n{problem.question}"
  assert told["messages"] == tuple(chat(f"{told['question']} Go.", "Be brief."))


@pytest.mark.parametrize("torn", [5, 60])
def test_a_problem_that_was_not_written_whole_is_done_again(whole, tmp_path, torn):
  """All of its lines: those before the break are not the whole of it."""
  path, _ = whole
  lines = path.read_text().splitlines(keepends=True)
  ids = [one.problem for one in read(path)]
  second = next(i for i in range(1, len(ids)) if ids[i] != ids[0]) + 1
  assert ids[second] == ids[second - 1], "a problem of two solutions"
  again = tmp_path / "labels.jsonl"
  again.write_text("".join(lines[:second]) + lines[second][:torn])
  assert label_lib.finished(again) == {ids[0]}
  assert again.read_text() == "".join(lines[: second - 1])


def test_neither_batches_nor_shards_change_a_label(whole, tmp_path):
  path, _ = whole
  parts = []
  for shard in range(2):
    file = tmp_path / f"{shard}.jsonl"
    settings = {"batch_problems": 3, "batch_prefixes": 5, "shard": shard, "shards": 2}
    labels(config(tmp_path, **settings), file)
    parts += file.read_text().splitlines()
  assert sorted(parts) == sorted(path.read_text().splitlines())


def test_completions_have_a_temperature_of_their_own(whole, tmp_path):
  """The solutions stay as they were; near 0 all completions of a prefix agree."""
  path, _ = whole
  labels(config(tmp_path, completion_temperature=1e-6), tmp_path / "labels.jsonl")
  found, before = read(tmp_path / "labels.jsonl"), read(path)
  assert [one.text for one in found] == [one.text for one in before]
  drawn = [set(row) for one in found for row in one.about["right"][1:-1]]
  assert drawn and all(len(row) == 1 for row in drawn)
  assert any(len(set(row)) > 1 for one in before for row in one.about["right"][1:-1])


def test_entropies_are_of_each_problems_own_rows(tmp_path):
  """Though training has neighbours share a prompt; one program serves all batches."""
  made = dataclasses.replace(
    config(tmp_path), cut={"name": "edu_prm"}, responses_per_row=4
  )
  run, state = build(resolve(made))
  labeller = types.SimpleNamespace(run=run, params=state.params)
  said = {"steps": ["12", "3"], "labels": [None, None], "outcome": 1.0}

  def entropy(*problems):
    rows = rows_of(run, problems, [said] * len(problems), train="responses")
    found, start = (
      label_lib.Labeller._entropy(labeller, rows),
      np.asarray(rows.prompt_tokens),
    )
    return [row[at : at + 4] for row, at in zip(found, start, strict=True)]

  first, other = run.task.train[:2]
  alone, _, _, _ = entropy(other, other, other, other)
  mixed = entropy(first, first, other, other)
  np.testing.assert_allclose(mixed[2:], [alone, alone], rtol=1e-5)
  assert np.abs(mixed[0] - alone).max() > 1e-4
  policy = dataclasses.replace(run.policy, responses_per_row=1)
  assert jitted_outputs_old(policy, ("entropy",), 1)._cache_size() == 1


def test_failing_verifiers_are_counted_and_their_solutions_have_no_label(tmp_path):
  made = config(tmp_path, problems=40, batch_problems=8, completions=1)
  made = dataclasses.replace(
    made,
    task={"name": f"{tiny.OWN}:failing_task"},
    verify=dataclasses.replace(made.verify, timeout_seconds=0.3, workers=2),
  )
  counts = labels(resolve(made), tmp_path / "labels.jsonl")
  found = read(tmp_path / "labels.jsonl")
  failed = [one for one in found if one.question[0] in "012"]
  assert failed and all(one.outcome is None for one in failed)
  long = [one for one in failed if len(one.steps) > 1]
  assert long and all(set(one.labels) == {None} for one in long)
  assert counts["solutions_given_up"] >= len(long)
  others = [one for one in found if one.question[0] not in "012"]
  assert others and all(one.outcome is not None for one in others)


def test_a_file_that_is_none_is_left_alone(tmp_path):
  path = tmp_path / "notes.jsonl"
  path.write_text("not json\n")
  with pytest.raises(Exception, match="move it away, or label into another"):
    labels(config(tmp_path), path)
  assert path.read_text() == "not json\n"


def test_steps_without_text_join_their_neighbours():
  pieces = ["a", "", "b", "", "c"]
  response = Response(pieces=pieces)
  texts, ends = label_lib.cut(response, np.array([0, 1, 2, 3, 4]))
  assert (texts, ends) == (["a", "b", "c"], [2, 4, 5])
  first = Response(pieces=["", "a"])
  assert label_lib.cut(first, np.array([0, 1])) == (["a"], [2])
  assert label_lib.cut(Response(pieces=[]), np.zeros(0, int)) == ([], [])
  assert (
    jax.tree.leaves(label_lib.cut(Response(pieces=["", ""]), np.zeros(2, int))) == []
  )

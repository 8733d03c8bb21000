"""Two passes over a step: their texts, their scores, and the search with them."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import cli, loop
from jaxrl.build import build
from jaxrl.config import SearchConfig, to_json
from jaxrl.draw import verifiers
from jaxrl.errors import UserError
from jaxrl.explore.recorded import rows_of
from jaxrl.metrics import read_jsonl
from jaxrl.prm import pathfinder
from jaxrl.prm.error_types import first_pass, items, second_pass
from jaxrl.prm.score_steps import StepScorer
from jaxrl.search.on_host import Host
from jaxrl.tasks.error_typed_steps import error_typed_steps
from tests import tiny

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
STEPS = ["ab\n", "xc\n", "d"]
SOLUTION = {
  "steps": STEPS,
  "labels": [None] * 3,
  "outcome": 0.0,
  "number": 7,
  "about": {"math": [1, 1, 1], "consistency": [1, 0, 1], "simplicity": [1, 1, 0]},
}


def test_both_passes_of_each_step():
  found = items(SOLUTION)
  assert len(found) == 6 and all(one["number"] == 7 for one in found)
  texts = ["".join(one["steps"]) for one in found]
  labels = [one["labels"] for one in found]
  assert texts[0] == "ab\nMath reasoning: ?, Consistency:"
  assert labels[0] == [None, 1.0, 1.0]
  assert texts[1] == "ab\nMath reasoning: +, Consistency: +, Correctness:"
  assert texts[3] == "ab\nxc\nMath reasoning: +, Consistency: -, Correctness:"
  assert labels[2:4] == [[None, None, 1.0, 0.0], [None, None, 0.0]]
  # A step that is right but not simple: + and +, and not correct.
  assert texts[5] == "ab\nxc\nd\nMath reasoning: +, Consistency: +, Correctness:"
  assert labels[4][-2:] == [1.0, 1.0] and labels[5][-1] == 0.0


def test_steps_that_were_not_judged_are_left_out():
  about = {**SOLUTION["about"], "consistency": [None, -1, 1]}
  assert [len(one["steps"]) for one in items({**SOLUTION, "about": about})] == [5, 4]
  assert items({**SOLUTION, "about": {}}) == []


@pytest.mark.parametrize(
  "math, consistent, correct, expected",
  [
    (0.9, 0.9, 0.3, 0.3),
    (0.9, 0.4, 1.0, -1.0),
    (0.4, 0.9, 1.0, -1.0),
    (0.5, 0.5, 1.0, 1.0),
  ],
)
def test_an_error_of_the_first_pass_is_minus_one(math, consistent, correct, expected):
  assert pathfinder.reward(math, consistent, correct) == expected


def write(path, count=40):
  """Steps with an x are wrong in their mathematics, with a y inconsistent."""
  rng = np.random.default_rng(0)
  lines = []
  for number in range(count):
    steps = ["".join(rng.choice(list("abxy"), size=1)) + "\n" for _ in range(2)]
    right = lambda letter, steps=steps: [float(letter not in one) for one in steps]
    both = [a * b for a, b in zip(right("x"), right("y"), strict=True)]
    about = {"math": right("x"), "consistency": right("y"), "simplicity": [1, 1]}
    lines.append(
      {
        "problem": str(number),
        "question": f"{number}?",
        "steps": steps,
        "labels": both,
        "outcome": min(both),
        "about": about,
      }
    )
  path.write_text("".join(json.dumps(line) + "\n" for line in lines))
  return str(path)


def config(tmp_path, **changes):
  base = tiny.prm_config(tmp_path / "run", **changes)
  sampling = dataclasses.replace(base.sampling, max_response_tokens=56)
  task = {"name": "error_typed_steps", "path": write(tmp_path / "judged.jsonl")}
  return dataclasses.replace(base, sampling=sampling, task=task)


def forced(tmp_path, bias):
  """A scorer whose head says one number everywhere."""
  run, state = build(config(tmp_path))
  head = {**state.params["step_head"], "bias": jnp.full(1, bias)}
  return run, StepScorer(run, {**state.params, "step_head": head}, 56)


def test_rewards_are_minus_one_or_a_probability(tmp_path):
  run, scorer = forced(tmp_path, 1.5)
  problem = run.task.train[0]
  prefixes = [(problem, STEPS[:1]), (problem, STEPS), (problem, ["a\n" * 40])]
  got = pathfinder.step_rewards(scorer, prefixes, batch_rows=2)
  expected = 1 / (1 + np.exp(-1.5))
  np.testing.assert_allclose(got, [expected, expected, np.nan], rtol=1e-5)
  # Where all are rejected the second pass decides.
  _, low = forced(tmp_path, -1.5)
  np.testing.assert_allclose(
    pathfinder.step_rewards(low, prefixes[:2], batch_rows=2), 1 - expected, rtol=1e-5
  )


def test_one_rejected_step_among_others(tmp_path, monkeypatch):
  """B of the second prefix is -, whatever its second pass says."""
  asked = []

  def read(scorer, problems, texts, last, batch_rows):
    asked.append([list(text) for text in texts])
    return [[0.9, 0.2], [0.9, 0.9]] if last == 2 else [[0.7]] * len(texts)

  monkeypatch.setattr(pathfinder, "_read", read)
  run, scorer = forced(tmp_path, 0.0)
  problem = run.task.train[0]
  prefixes = [(problem, ["a"]), (problem, ["b"])]
  got = pathfinder.step_rewards(scorer, prefixes, batch_rows=2)
  np.testing.assert_allclose(got, [-1.0, 0.7])
  assert asked[0] == [list(first_pass(["a"])), list(first_pass(["b"]))]
  assert asked[1] == [list(second_pass(["b"], True, True))]


def test_the_first_pass_does_not_see_its_first_label(tmp_path):
  """B is read from the same text whatever A is."""
  run, _ = build(config(tmp_path))
  found = items(SOLUTION)
  other = items({**SOLUTION, "about": {**SOLUTION["about"], "math": [0, 0, 0]}})
  problem = run.task.train[0]
  one, two = (rows_of(run, [problem], [x[0]], train="steps") for x in (found, other))
  np.testing.assert_array_equal(one.tokens, two.tokens)
  assert np.any(np.asarray(one.step_labels) != np.asarray(two.step_labels))
  marks = np.flatnonzero(np.asarray(one.mask)[0]) - int(one.prompt_tokens[0])
  text = "ab\nMath reasoning: ?, Consistency:"
  assert marks.tolist() == [text.index(" ?"), len(text)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
  """The directory of a trained model."""
  changes = {"steps": 50, "schedule": {"name": "constant", "learning_rate": 1e-2}}
  return loop.fit(config(tmp_path_factory.mktemp("trained"), **changes))


def test_a_model_learns_kinds_of_errors(trained):
  rows = read_jsonl(trained / "metrics.jsonl")
  last = [row for row in rows if row["kind"] == "eval"][-1]
  assert last["step_auroc"] > 0.8


def test_what_the_file_lacks_is_said(tmp_path):
  with pytest.raises(UserError, match="have them judged first"):
    error_typed_steps(path=tiny.labelled_path())
  path = tmp_path / "short.jsonl"
  lines = write(path).replace("x", "x")
  text = path.read_text().replace('"simplicity": [1, 1]', '"simplicity": [1]', 1)
  path.write_text(text)
  with pytest.raises(UserError, match="1 labels under 'simplicity' for 2 steps"):
    error_typed_steps(path=lines)


def searching(tmp_path, directory):
  return tiny.config(
    tmp_path / "rl",
    cut={"name": "fixed_length", "tokens": 1},
    prm=directory,
    search={"name": "pathfinder"},
    searching=SearchConfig(
      problems=3, rows=4, rounds=3, step_tokens=1, batch_problems=2
    ),
  )


def test_the_search_takes_the_best_candidates(tmp_path, monkeypatch):
  """On a real sampler: each step is the best rewarded of those that were drawn."""
  run, state = build(searching(tmp_path, None))
  walks = {}

  def rewards(scorer, prefixes, *, batch_rows):
    assert scorer.run.task is run.task, "a model reads what the policy was asked"
    found = np.asarray([float(sum(map(ord, steps[-1])) % 7) for _, steps in prefixes])
    walks.setdefault(prefixes[0][0].id, []).append((prefixes, found))
    return found

  monkeypatch.setattr(pathfinder, "step_rewards", rewards)
  problems = run.task.train[:2]
  with verifiers(run) as pool:
    host = Host(run, pool, state.params, [*enumerate(problems)])
    grower, other = (
      host.grower(host.numbered),
      dataclasses.replace(run.task, name="other"),
    )
    scorer = StepScorer(dataclasses.replace(run, task=other), state.params, 4)
    found = pathfinder.greedy(grower, scorer, candidates=4, step_tokens=1, depth=3)
  assert len({node.text for node in found}) == 2
  for problem, node in zip(problems, found, strict=True):
    seen = walks[problem.id]
    assert node.terminal and 1 <= len(seen) <= 3
    chosen = ()
    for prefixes, given in seen:
      assert len(prefixes) == 4 and len({steps for _, steps in prefixes}) > 1
      assert all(steps[: len(chosen)] == chosen for _, steps in prefixes)
      chosen = prefixes[int(np.argmax(given))][1]
    assert node.texts == chosen


def test_the_command_searches(trained, tmp_path, capsys):
  path = tmp_path / "config.json"
  path.write_text(to_json(searching(tmp_path, str(trained))))
  assert cli.main(["search", str(path)]) == 0
  shown = json.loads(capsys.readouterr().out)
  assert shown["problems"] == 3 and shown["unscored"] == 0
  assert 4 <= shown["tokens"] <= 3 * 4 and "spared" not in shown
  path.write_text(to_json(searching(tmp_path, None)))
  assert cli.main(["search", str(path)]) == 2
  assert "search pathfinder: the config names no model" in capsys.readouterr().err

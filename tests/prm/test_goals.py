"""Samples that keep near to where right solutions end."""

import dataclasses
import functools
import json
import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import cli, draw
from jaxrl.build import build
from jaxrl.config import SearchConfig, to_json
from jaxrl.explore.recorded import rows_of
from jaxrl.prm import goals, score_steps, solutions
from jaxrl.search import on_model
from jaxrl.search.answers import filter_vote
from jaxrl.search.on_host import Host
from jaxrl.search.strategies.goal_conditioned_rm import goal_conditioned_rm, voted
from tests import tiny

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def test_the_goal_is_where_right_solutions_end():
  states = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4, 2)), jnp.float32)
  mask = jnp.asarray([[1.0, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 0]])
  got = goals.goal(states, jnp.asarray([1.0, 0.0, 1.0]), mask)
  np.testing.assert_allclose(got, (states[0, 1] + states[2, 2]) / 2, rtol=1e-6)
  np.testing.assert_array_equal(goals.goal(states, jnp.zeros(3), mask), 0.0)


def test_similarities_and_what_they_save():
  goal = jnp.asarray([2.0, 0.0])
  angles = np.radians([[0, 30, 60, 90], [0, 10, 20, 200]])
  states = jnp.asarray(3 * np.stack([np.cos(angles), np.sin(angles)], -1), jnp.float32)
  mask = jnp.asarray([[1.0, 1, 1, 1], [1, 1, 1, 0]])
  q = goals.similarities(states, goal, mask)
  np.testing.assert_allclose(q, np.cos(angles) * np.asarray(mask), atol=1e-6)
  keep, saved = goals.kept(q, mask, threshold=0.6)
  assert keep.tolist() == [False, True] and saved.tolist() == [1.0, 0.0]
  keep, saved = goals.kept(q, mask, threshold=0.9)
  assert keep.tolist() == [False, True] and saved.tolist() == [2.0, 0.0]
  assert filter_vote(["a", "b"], keep.tolist()) == "b"
  assert filter_vote(["a", "a", "b"], [False] * 3) == "a"


def test_states_of_a_model_are_those_before_each_token(tmp_path):
  run, state = build(tiny.prm_config(tmp_path / "run"))
  one = {"steps": ["ab\n", "c\n"], "labels": [None, None], "outcome": 1.0}
  problems = [run.task.train[0]] * 2
  batch = rows_of(run, problems, [one, None], train="responses")
  got = np.asarray(goals.states(run, state.params, batch))
  params = {"params": state.params["policy"]}
  apply = jax.jit(run.policy.decoder.apply)
  hidden, _ = apply(params, batch.tokens, batch.positions)
  start, count = int(batch.prompt_tokens[0]), 6
  expected = hidden[0, start - 1 : start + count - 1]
  np.testing.assert_allclose(got[0, start : start + count], expected, atol=1e-5)
  assert not got[1].any() and not got[0, start + count :].any()
  shared = dataclasses.replace(run.policy, responses_per_row=2)
  again = goals.states(dataclasses.replace(run, policy=shared), state.params, batch)
  np.testing.assert_allclose(again, got, atol=1e-5)


# --- the search ---------------------------------------------------------------------


def before_each(scorer, question, ids):
  """The states [T, D] before the tokens behind a question, of the text alone."""
  start = scorer.run.tokenizer.encode(question)
  hidden, _ = tiny.plain(scorer.run, scorer.params, [*start, *ids], 24)
  return hidden[len(start) - 1 : -1]


def goal_by_hand(scorer, path):
  """The mean state behind the right solutions that fit."""
  last = []
  for one in solutions.read(path):
    ids = scorer.run.tokenizer.encode(one.text)
    if one.outcome == 1 and len(ids) < 14:
      last.append(before_each(scorer, one.question, [*ids, 0])[-1])
  assert len(last) > 4
  return np.mean(last, axis=0)


def searching(directory, **search):
  return tiny.config(
    directory / "run",
    prm=tiny.prm_directory(),
    search={"name": "goal_conditioned_rm", **search},
    searching=SearchConfig(problems=3, rows=4, batch_problems=3),
  )


def test_votes_are_among_samples_that_stay_near_the_goal(tmp_path, capsys):
  path = tmp_path / "labels.jsonl"
  lines = [solutions.to_line(tiny.solution(i, random.Random(i))) for i in range(12)]
  long = solutions.Solution("l", "l?", ("xyz\n",) * 5, (None,) * 5, outcome=1.0)
  path.write_text("".join(lines) + solutions.to_line(long))
  run, state = build(searching(tmp_path))
  scorer = score_steps.load(run.config.prm)
  goal, asked = goal_by_hand(scorer, path), on_model.problems(run)
  host = functools.partial(Host, params=state.params, numbered=[*enumerate(asked)])
  variables, similar = run.policy.variables(state.params, run.frozen), []
  key = draw.stream(run.config.seed, draw.SEARCH, 0)
  with draw.verifiers(run) as pool:
    drawn = draw.draw(run, pool, variables, asked, key, rules=run.rules, group=4)
    # Nothing that this model writes is an answer.
    assert all(outcome.answer is None for outcome in drawn.outcomes)
    tokens, mask = np.asarray(drawn.batch.tokens), np.asarray(drawn.batch.mask) > 0
    for problem, ids, on in zip(drawn.problems, tokens, mask, strict=True):
      h = before_each(scorer, problem.question, ids[on].tolist())
      size = np.linalg.norm(h, axis=1) * np.linalg.norm(goal)
      similar.append(h @ goal / size)
    lowest = np.reshape([q.min() for q in similar], (3, 4))
    between = (lowest[:, 0] + lowest[:, 1:].max(1)) / 2
    # The first sample of some problem is not kept, and a later one is.
    threshold = float(between[np.argmax(between - lowest[:, 0])])
    near = [q.min() > threshold for q in similar]
    strategy = functools.partial(
      goal_conditioned_rm, solutions=str(path), threshold=threshold
    )
    found = strategy(host(run, pool))
  spared = [len(q) - 1 - int(np.argmax(q <= threshold)) for q in similar]
  spared = np.where(near, 0, spared).reshape(3, 4).sum(1)
  first = [4 * i + int(np.argmax(near[4 * i : 4 * i + 4])) for i in range(3)]
  assert any(row % 4 for row in first) and spared.any(), lowest
  assert [one.text for one in found] == [drawn.texts[row] for row in first]
  assert [one.spared for one in found] == spared.tolist()
  assert [one.tokens for one in found] == mask.reshape(3, -1).sum(1).tolist()

  saved = tmp_path / "config.json"
  config = searching(tmp_path, solutions=str(path), threshold=threshold)
  saved.write_text(to_json(config))
  assert cli.main(["search", str(saved)]) == 0
  shown = json.loads(capsys.readouterr().out)
  shares = [one.spared / one.tokens for one in found]
  assert shown["problems"] == 3 and shown["tokens"] == mask.sum() / 3
  np.testing.assert_allclose(shown["spared"], np.mean(shares))
  wrong = dataclasses.replace(long, outcome=0.0, steps=("a",), labels=(1.0,))
  path.write_text(solutions.to_line(long) + solutions.to_line(wrong))
  assert cli.main(["search", str(saved)]) == 2
  assert "no solution is right and short enough" in capsys.readouterr().err


@pytest.mark.parametrize(
  "answers, near, expected",
  [
    ("aab", [0, 0, 1], 2),
    ("abab", [0, 1, 1, 1], 1),
    ("bba", [0, 0, 0], 0),
    ("abb", [0, 0, 0], 1),
    ("aba", [0, 0, 1], 2),
  ],
)
def test_the_answer_is_a_kept_sample_that_says_it(answers, near, expected):
  assert voted(list(answers), [bool(x) for x in near]) == expected

"""Samples that keep near to where right solutions end."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.build import build
from jaxrl.explore.recorded import rows_of
from jaxrl.prm import goals
from jaxrl.search.answers import filter_vote
from tests import tiny


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


@pytest.mark.filterwarnings("ignore::ResourceWarning")
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

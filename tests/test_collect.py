"""Rollouts as the loop makes them: refills, baselines from other samples, rescoring."""

import dataclasses

import numpy as np
import pytest

from jaxrl import collect as collect_lib
from jaxrl import pick
from jaxrl.build import _needs, build, build_methods
from jaxrl.draw import Drawn, verifiers
from jaxrl.errors import UserError
from jaxrl.loop import mini_batches
from jaxrl.prm import score_steps
from jaxrl.types import PolicyOutputs
from tests import tiny
from tests.batches import rollouts

SCORE = {
  "rewards": ({"name": "accuracy"},),
  "task": {"name": f"{tiny.OWN}:parity_task"},
}


@pytest.fixture(scope="module")
def gather(tmp_path_factory):
  """Changes of the config -> (run, state, batch, samples, metrics, curriculum)."""
  made = {}

  def gather(**changes):
    key = repr(changes)
    if key not in made:
      config = tiny.config(tmp_path_factory.mktemp("run"), **SCORE | changes)
      run, state = build(config)
      with verifiers(run) as pool:
        out = collect_lib.collect(run, pool, state.params, run.curriculum.init(), 1)[:4]
      made[key] = (run, state, *out)
    return made[key]

  return gather


def test_plain_batch(gather):
  _, _, batch, rows, metrics, curriculum = gather()
  assert len(rows) == batch.tokens.shape[0] == 16 and curriculum == {"position": 4}
  np.testing.assert_allclose(metrics["accuracy"], batch.score.mean())
  np.testing.assert_allclose(batch.rewards, batch.token_rewards.sum(1), rtol=1e-6)
  np.testing.assert_allclose(metrics["response_tokens"], batch.mask.sum())
  assert batch.logp_ref is None and batch.values_old is None, "nobody reads them"
  assert "rounds" not in metrics


def spread(batch):
  score = np.asarray(batch.score).reshape(-1, 4)
  return np.ptp(score, axis=1) > 0


def test_refill_replaces_uninformative_groups(gather):
  """Until the batch is full: each group differs in its scores; others were drawn."""
  refill = {"refill": ({"name": "informative_groups"},), "group_size": 4}
  _, _, batch, rows, metrics, curriculum = gather(**refill)
  _, _, plain, _, _, _ = gather()
  assert not spread(plain).all(), "nothing to replace: choose another seed"
  assert spread(batch).all() and metrics["missing_groups"] == 0
  assert metrics["rounds"] >= 2
  assert (
    curriculum["position"] == 4 * metrics["rounds"]
    and len(rows) == 16 * metrics["rounds"]
  )
  np.testing.assert_array_equal(batch.group, np.arange(16) // 4)
  # Accuracy is of all that was sampled: not biased by what was kept.
  np.testing.assert_allclose(metrics["accuracy"], np.mean([r["score"] for r in rows]))
  # The groups of the first round that stay are those rows, token by token.
  kept = np.flatnonzero(np.repeat(spread(plain), 4))
  width = plain.tokens.shape[1]
  np.testing.assert_array_equal(
    batch.tokens[: len(kept), :width], np.asarray(plain.tokens)[kept]
  )


def test_what_a_refill_cannot_find_is_left_empty_and_counted(gather):
  never = {"refill": ({"name": "difficulty_range", "low": 2.0, "high": 3.0},)}
  _, _, batch, rows, metrics, _ = gather(**never, refill_rounds=1)
  assert metrics["rounds"] == 2 and metrics["missing_groups"] == 4
  assert float(batch.mask.sum()) == 0 and len(rows) == 32


def test_refill_draws_the_same_again(gather):
  """The second round's rows are the function of (seed, step, row) that rows are."""
  refill = {"refill": ({"name": "informative_groups"},), "group_size": 4}
  run, state, batch, *_ = gather(**refill)
  with verifiers(run) as pool:
    again, *_ = collect_lib.collect(run, pool, state.params, run.curriculum.init(), 1)
  np.testing.assert_array_equal(batch.tokens, again.tokens)


def test_remax_baseline_is_the_greedy_reward(gather):
  _, _, batch, *_ = gather(advantage={"name": "remax"})
  greedy = np.asarray(batch.greedy_rewards).reshape(-1, 4)
  assert np.all(greedy == greedy[:, :1]) and set(greedy.flat) <= {0.0, 1.0}
  first = np.asarray(batch.mask).argmax(1)
  rows = np.arange(16)
  expected = np.asarray(batch.rewards - batch.greedy_rewards)
  np.testing.assert_allclose(np.asarray(batch.advantages)[rows, first], expected)


def test_reference_rewards_are_samples_of_the_reference(gather):
  changes = {"advantage": {"name": "a_star"}, "reference_samples": 6}
  _, _, batch, *_ = gather(**changes)
  rewards = np.asarray(batch.reference_rewards)
  assert rewards.shape == (16, 6) and set(rewards.flat) == {0.0, 1.0}
  np.testing.assert_array_equal(rewards[0], rewards[3])
  assert not np.array_equal(rewards[0], rewards[4]) or not np.array_equal(
    rewards[0], rewards[8]
  )


def test_rescored_log_probs_are_the_samplers_to_rounding(gather):
  _, _, batch, _, metrics, _ = gather(old_logp="scorer")
  _, _, plain, *_ = gather()
  on = np.asarray(batch.mask) > 0
  gap = np.abs(np.asarray(batch.logp_old) - np.asarray(plain.logp_old))[on].max()
  assert gap < 1e-4
  np.testing.assert_allclose(metrics["sampler_gap"], gap, atol=1e-7)
  assert abs(metrics["sampler_kl_k3"]) < 1e-4 and metrics["sampler_ess"] > 0.99


def test_text_rewards_reach_the_batch(gather):
  tags = {"rewards": ({"name": "accuracy"}, {"name": f"{tiny.OWN}:text_length"})}
  _, _, batch, *_ = gather(**tags)
  assert batch.text_rewards.shape == (16, 1) and float(batch.text_rewards.max()) > 0
  expected = batch.score + batch.text_rewards[:, 0]
  np.testing.assert_allclose(batch.rewards, expected, rtol=1e-6)


def test_values_come_from_the_critic_and_its_targets_follow(gather):
  _, state, batch, *_ = gather(advantage={"name": "gae"})
  assert set(state.params) == {"policy", "critic"}
  np.testing.assert_array_equal(batch.values_old, 0)  # the head starts at 0
  on = np.asarray(batch.mask) > 0
  expected = np.repeat(np.asarray(batch.rewards)[:, None], on.shape[1], 1)
  returns = np.asarray(batch.returns)
  # With values of 0 a lambda-return is the reward, discounted by lambda.
  after = np.cumsum(on[:, ::-1], axis=1)[:, ::-1] - 1
  np.testing.assert_allclose(returns[on], (expected * 0.95**after)[on], rtol=1e-5)


def test_mini_batches_hold_whole_groups(gather):
  run, _, batch, *_ = gather()
  config = dataclasses.replace(run.config, mini_batches=2)
  parts = list(mini_batches(batch, config, (0, 1, 0)))
  assert len(parts) == 2
  for part in parts:
    np.testing.assert_array_equal(part.group, np.arange(8) // 4)
    prompts = np.asarray(part.tokens)[:, :4].reshape(2, 4, -1)
    assert (prompts == prompts[:, :1]).all()
  seen = np.concatenate([np.asarray(part.tokens) for part in parts])
  assert sorted(seen.tolist()) == sorted(np.asarray(batch.tokens).tolist())


@pytest.fixture(scope="module")
def built(tmp_path_factory):
  """A run, and a pool of workers that nothing is asked of."""
  run, state = build(tiny.config(tmp_path_factory.mktemp("built")))
  with verifiers(run) as pool:
    yield run, state, pool


def test_baselines_leave_out_rewards_that_need_a_model(built):
  batch, _ = rollouts(0)
  none = dict.fromkeys(("steps", "step_scores", "step_scored"))
  drawn = Drawn(batch.replace(**none), [], [], [], 0)
  accuracy, scores = pick.pick("rewards", "accuracy"), pick.pick("rewards", "prm_mean")

  def rewards(*methods):
    credit = dataclasses.replace(built[0].credit, rewards=methods)
    run = dataclasses.replace(built[0], credit=credit)
    return np.asarray(collect_lib._rewards(run, drawn))

  np.testing.assert_array_equal(rewards(accuracy, scores), rewards(accuracy))
  with pytest.raises(UserError, match="need no model"):
    rewards(scores)


def test_a_rule_that_cuts_by_entropy_has_it(built, monkeypatch):
  run, _, pool = built
  cut = {"cut": {"name": "edu_prm"}, "prm": "runs/some"}
  made = dataclasses.replace(run.config, **cut)
  assert "entropy_old" not in _needs(made, *build_methods(made))
  made = dataclasses.replace(made, rewards=({"name": "prm_mean"},))
  assert "entropy_old" in _needs(made, *build_methods(made))
  batch, _ = rollouts(0)
  entropy, seen = batch.mask * 7, []
  outputs = lambda params, frozen, rows: PolicyOutputs(entropy=entropy)
  run = dataclasses.replace(run, rescored=("entropy",), outputs_old=outputs, prm="any")
  monkeypatch.setattr(score_steps, "cut_rows", lambda run, rows: seen.append(rows))
  monkeypatch.setattr(score_steps, "score_rows", lambda scorer, rows: batch)
  rows, problems = batch.replace(entropy_old=None), [run.task.train[0]]
  collect_lib._fill_in(run, pool, {}, rows, problems, 1)
  np.testing.assert_array_equal(seen[0].entropy_old, entropy)


def test_rows_of_files_have_no_distance_from_a_sampler(built):
  run, _, pool = built
  outputs = lambda params, frozen, rows: PolicyOutputs(logp=rows.mask)
  config = dataclasses.replace(run.config, old_logp="scorer")
  run = dataclasses.replace(run, config=config, rescored=("logp",), outputs_old=outputs)
  batch, _ = rollouts(0)
  given = batch.replace(logp_old=None, logp_sampling=None)
  problems = [run.task.train[0]]
  batch, metrics = collect_lib._fill_in(run, pool, {}, given, problems, 1)
  np.testing.assert_array_equal(batch.logp_old, batch.mask)
  assert not metrics

"""An implicit model that learns from the policy's own responses."""

import dataclasses
import pathlib
import shutil

import jax
import numpy as np
import pytest

from jaxrl import collect as collect_lib
from jaxrl import loop
from jaxrl.build import build
from jaxrl.checkpoints import Checkpoints
from jaxrl.collect import collect
from jaxrl.config import EvaluationConfig
from jaxrl.draw import verifiers
from jaxrl.errors import UserError
from jaxrl.metrics import read_jsonl
from tests import tiny

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def config(directory, update="before", **changes):
  settings = {
    "advantage": {"name": "prime"},
    "rewards": ({"name": "accuracy"},),
    "task": {"name": f"{tiny.OWN}:parity_task"},
    "prm_update": update,
    "prm_schedule": {"name": "constant", "learning_rate": 1e-3},
    "evaluation": EvaluationConfig(problems=0),
  }
  return tiny.config(directory, **{**settings, **changes})


def gathered(tmp_path, update, **changes):
  run, state = build(config(tmp_path, update, **changes))
  with verifiers(run) as pool:
    start = run.curriculum.init()
    out = collect(run, pool, state.params, start, 1, state.beside)
  return run, state, out


@pytest.fixture(scope="module")
def before(tmp_path_factory):
  return gathered(tmp_path_factory.mktemp("before"), "before")


def distance(a, b):
  return sum(
    float(np.abs(np.asarray(x) - np.asarray(y)).sum())
    for x, y in zip(*map(jax.tree.leaves, (a, b)), strict=True)
  )


def test_both_variants_learn_the_same_and_score_with_different_models(tmp_path, before):
  found = {"before": before, "after": gathered(tmp_path, "after")}
  learnt = {u: out[-1]["prm"] for u, (_, _, out) in found.items()}
  assert distance(learnt["before"].params, learnt["after"].params) == 0
  run, state, (batch, _, metrics, _, _) = found["before"]
  assert distance(state.params["policy"], learnt["before"].params["policy"]) > 1e-2
  assert distance(state.params["policy"], state.beside["prm"].params["policy"]) == 0
  # The model that scores first is its own reference still.
  after = found["after"][2][0]
  on = np.asarray(after.mask) > 0
  np.testing.assert_allclose(np.asarray(after.prm_log_ratio)[on], 0.0, atol=1e-5)
  # The other one scores with what it has learnt: by its own log-probs.
  run_logp = run.online.logp(learnt["before"].params, run.frozen, run.packed(batch))
  got = np.asarray(batch.prm_log_ratio)
  np.testing.assert_allclose(got, run_logp - batch.logp_ref, atol=1e-6)
  assert np.abs(got[on]).max() > 1e-3
  assert metrics["prm_loss"] == pytest.approx(np.log(2), abs=1e-4)


def test_a_step_raises_what_was_right(before):
  """The sums of log-ratios follow the outcomes."""
  _, _, (batch, *_) = before
  sums = np.where(batch.mask > 0, batch.prm_log_ratio, 0.0).sum(axis=1)
  score = np.asarray(batch.score)
  assert 0 < score.mean() < 1
  assert sums[score > 0.5].mean() > sums[score < 0.5].mean()


def test_its_optimisers_state_waits_in_host_memory_too(tmp_path, before, monkeypatch):
  run, state = build(config(tmp_path, offload_optimizer=True))
  run = dataclasses.replace(run, online=before[0].online)  # which is compiled
  waiting = run.stowed(state)
  batch, _, beside = collect_lib._learn(run, before[2][0], waiting.beside)
  kinds = lambda tree: {x.sharding.memory_kind for x in jax.tree.leaves(tree)}
  for one in (waiting, waiting.beside["prm"], beside["prm"]):
    assert kinds(one.opt_state) == {"pinned_host"}
    assert kinds(one.params) == {"device"}
  assert kinds((run.fetched(waiting), batch.prm_log_ratio)) == {"device"}
  assert distance(beside["prm"].params, before[2][-1]["prm"].params) == 0
  # And before the first update.
  seen = []
  stop = lambda run, session, state, position: seen.append(state) or position
  monkeypatch.setattr(loop, "_steps", stop)
  loop.fit(run.config)
  assert kinds([seen[0].opt_state, seen[0].beside["prm"].opt_state]) == {"pinned_host"}


def test_rows_without_a_verdict_teach_nothing(before):
  run, state, (batch, *_) = before
  kept = run.packed(batch.replace(scored=batch.scored.at[:4].set(0.0)))
  other = kept.replace(score=kept.score.at[:4].set(1.0 - kept.score[:4]))
  one, two = (run.online(state.beside["prm"], {}, rows)[0] for rows in (kept, other))
  assert distance(one.params, two.params) == 0
  whole = run.online(state.beside["prm"], {}, run.packed(batch))[0]
  assert distance(one.params, whole.params) > 1e-4


@pytest.mark.parametrize("lora_rank", [0, 2])
def test_four_steps_equal_two_then_two(tmp_path, lora_rank):
  base = config(tmp_path / "whole")
  base = dataclasses.replace(
    base,
    offload_optimizer=lora_rank == 0,
    model=dataclasses.replace(base.model, lora_rank=lora_rank),
    output=dataclasses.replace(
      base.output, checkpoint_every_steps=2, keep_checkpoints=2
    ),
  )
  loop.fit(base)
  # What a run that was killed behind its second step leaves.
  shutil.copytree(tmp_path / "whole", tmp_path / "part")
  shutil.rmtree(tmp_path / "part" / "checkpoints" / "4")
  output = dataclasses.replace(base.output, directory=str(tmp_path / "part"))
  part = dataclasses.replace(base, output=output)
  loop.fit(part)
  states = []
  _, state = build(base)
  for made in (base, part):
    with Checkpoints(pathlib.Path(made.output.directory), keep=1) as saved:
      states.append(saved.restore(state, made)[0])
  for a, b in zip(*map(jax.tree.leaves, states), strict=True):
    np.testing.assert_array_equal(a, b)
  assert distance(states[0].beside["prm"].params, state.beside["prm"].params) > 1e-2
  rows = read_jsonl(tmp_path / "whole" / "metrics.jsonl")
  assert all(0 <= row["prm_outcome_accuracy"] <= 1 for row in rows)
  again = read_jsonl(tmp_path / "part" / "metrics.jsonl")
  assert [r["prm_loss"] for r in rows] == [r["prm_loss"] for r in again]
  assert [r["seconds"] == s["seconds"] for r, s in zip(rows, again, strict=True)] == [
    *(True, True),
    *(False, False),
  ], "its last two steps were taken again"


def test_what_does_not_go_together_is_said(tmp_path):
  with pytest.raises(UserError, match="one of the two"):
    build(config(tmp_path, prm="runs/some"))
  with pytest.raises(UserError, match="no method reads"):
    build(config(tmp_path, advantage={"name": "group_norm"}))
  with pytest.raises(UserError, match="no implicit model"):
    build(config(tmp_path, prm_loss={"name": "step_bce"}))

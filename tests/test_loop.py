"""Whole runs on a tiny model: exact resume, signals, failures that are counted."""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from jaxrl import loop, serve
from jaxrl.build import build
from jaxrl.checkpoints import Checkpoints
from jaxrl.config import to_json
from jaxrl.errors import UserError
from jaxrl.metrics import read_jsonl
from tests import tiny

# TensorStore's threads may outlive a checkpoint manager by a moment.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

FAILING = pathlib.Path(__file__).with_name("failing_task.py")
TIMES = ("seconds", "collect_seconds", "update_seconds", "tokens_per_second")


def final(directory, config):
  """The train state and position that a run saved last."""
  _, state = build(config)
  with Checkpoints(directory, keep=1) as saved:
    restored = saved.restore(state, config)
  assert restored is not None
  return restored


def numbers(directory):
  rows = read_jsonl(directory / "metrics.jsonl")
  return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]


def assert_identical(a, b):
  assert jax.tree.structure(a) == jax.tree.structure(b)
  for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
    np.testing.assert_array_equal(x, y)


VARIANTS = {
  "plain": {},
  "mini_batches_kl": {
    "mini_batches": 2,
    "epochs_per_batch": 2,
    "regularizers": ({"name": "kl_k3"},),
    "selectors": ({"name": "drop_truncated"},),
    "optimizer": {"name": "muon"},
    "schedule": {"name": "cosine", "learning_rate": 1e-3, "warmup_steps": 2},
  },
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_four_steps_equal_two_then_two(tmp_path, variant):
  """Bit for bit: parameters, optimiser, data position, metrics and samples."""
  changes = VARIANTS[variant]
  whole = tiny.config(tmp_path / "whole", **changes)
  loop.train(whole)
  part = dataclasses.replace(
    tiny.config(tmp_path / "part", **changes),
    # The schedule is made for all four steps: stop by signal, not by `steps`.
    output=dataclasses.replace(whole.output, directory=str(tmp_path / "part")),
  )
  stop_after(part, 2)
  rows = read_jsonl(tmp_path / "part" / "metrics.jsonl")
  assert [r["step"] for r in rows if r["kind"] == "train"] == [1, 2]
  loop.train(part)
  (state, position), (again, there) = (
    final(tmp_path / "whole", whole),
    final(tmp_path / "part", part),
  )
  assert position == there and position.step == 4
  assert_identical(state, again)
  assert numbers(tmp_path / "whole") == numbers(tmp_path / "part")
  samples = [read_jsonl(tmp_path / d / "samples.jsonl") for d in ("whole", "part")]
  assert samples[0] == samples[1] and len(samples[0]) == 4 * 16 + 2 * 6


def stop_after(config, steps):
  """Runs and asks for a stop once `steps` steps are done, as a signal would."""
  seen = []
  show = loop._show

  def counting(bar, metrics):
    seen.append(1)
    show(bar, metrics)
    if len(seen) == steps:
      os.kill(os.getpid(), signal.SIGTERM)

  loop._show = counting
  try:
    loop.train(config)
  finally:
    loop._show = show


def test_every_method_file_is_in_some_variant_or_the_tiny_config():
  used = json.dumps(VARIANTS) + to_json(tiny.config(pathlib.Path("x")))
  for name in ("ppo_clip", "group_norm", "token_mean", "kl_k3", "drop_truncated"):
    assert name in used


RUN = """
import sys, pathlib
from jaxrl import cli
from tests import tiny
tiny.model_directory = lambda: sys.argv[2]
from jaxrl import loop
loop.train(tiny.config(pathlib.Path(sys.argv[1]), steps=100000))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_exits_0(tmp_path, number):
  command = [sys.executable, "-c", RUN, str(tmp_path / "run"), tiny.model_directory()]
  with (tmp_path / "out").open("w") as out:
    child = subprocess.Popen(command, stdout=out, stderr=out)
    metrics = tmp_path / "run" / "metrics.jsonl"
    deadline = time.monotonic() + 180
    while not any(r["kind"] == "train" for r in read_jsonl(metrics)):
      assert child.poll() is None, (tmp_path / "out").read_text()
      assert time.monotonic() < deadline
      time.sleep(0.2)
    child.send_signal(number)
    assert child.wait(timeout=60) == 0
  steps = [r["step"] for r in read_jsonl(metrics) if r["kind"] == "train"]
  with Checkpoints(tmp_path / "run", keep=1) as saved:
    assert saved.latest_step() == steps[-1]
  assert (tmp_path / "run" / "report.html").exists()


def test_failing_verifiers_are_counted_and_left_out(tmp_path):
  config = tiny.config(
    tmp_path / "run",
    steps=3,
    prompts_per_step=8,
    evaluation=dataclasses.replace(tiny.config(tmp_path).evaluation, problems=0),
    verify=dataclasses.replace(
      tiny.config(tmp_path).verify, timeout_seconds=0.3, workers=2
    ),
    task={"name": f"{FAILING}:failing_task"},
  )
  loop.train(config)
  rows = read_jsonl(tmp_path / "run" / "metrics.jsonl")
  totals = {
    s: sum(r[f"verifier_{s}"] for r in rows) for s in ("timeout", "crash", "error")
  }
  samples = read_jsonl(tmp_path / "run" / "samples.jsonl")
  for status, total in totals.items():
    assert total == sum(s["status"] == status for s in samples) > 0
  unscored = [s for s in samples if s["score"] is None]
  assert len(unscored) == sum(totals.values()) == sum(r["unscorable"] for r in rows)
  assert all(s["question"][0] in "012" for s in unscored)
  # The mean reward is over those that were scored.
  for row in rows:
    scores = [s["score"] for s in samples if s["step"] == row["step"]]
    scored = [s for s in scores if s is not None]
    np.testing.assert_allclose(row["accuracy"], np.mean(scored), rtol=1e-6)


def test_a_gap_between_sampler_and_scorer_stops_the_run(tmp_path, monkeypatch):
  from jaxrl import rollout

  config = tiny.config(tmp_path / "run")
  honest = rollout.sample

  def wrong(*args, **kwargs):
    out = honest(*args, **kwargs)
    return out.replace(logp=out.logp - 0.1 * out.mask)

  monkeypatch.setattr(rollout, "sample", wrong)
  rollout.jitted.clear_cache()
  try:
    with pytest.raises(UserError, match=r"step 1: log-probs .* differ by 0\.1 nats"):
      loop.train(config)
  finally:
    rollout.jitted.clear_cache()
  with Checkpoints(tmp_path / "run", keep=1) as saved:
    assert saved.latest_step() is None


def test_the_gap_is_logged_and_is_rounding(tmp_path):
  loop.train(tiny.config(tmp_path / "run", steps=2))
  rows = read_jsonl(tmp_path / "run" / "metrics.jsonl")
  gaps = [r["sampler_gap"] for r in rows if r["kind"] == "train"]
  assert len(gaps) == 2 and 0 <= max(gaps) < 1e-4


def test_a_checkpoint_of_another_config_is_refused(tmp_path):
  loop.train(tiny.config(tmp_path / "run", steps=1))
  before = (tmp_path / "run" / "metrics.jsonl").read_bytes()
  other = tiny.config(tmp_path / "run", steps=1, seed=7)
  with pytest.raises(UserError, match=r"seed is 0 there and 7 now"):
    loop.train(other)
  assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == before


def test_lora_trains_adapters_and_exports_them_merged(tmp_path):
  base = tiny.config(tmp_path / "run", steps=2)
  model = dataclasses.replace(base.model, lora_rank=2, lora_alpha=4.0)
  config = dataclasses.replace(
    base, model=model, regularizers=({"name": "kl_k3"},), micro_batches=1
  )
  loop.train(config)
  run, params, _ = serve.trained(config, str(tmp_path / "run"))
  assert {leaf.shape[-1] for leaf in jax.tree.leaves(params)} >= {2}
  serve.export(config, str(tmp_path / "run"), tmp_path / "out")
  plain = dataclasses.replace(
    config, model=dataclasses.replace(base.model, path=str(tmp_path / "out"))
  )
  ids = jax.numpy.arange(5)[None]
  logits = []
  for policy, variables in (
    (run.policy, run.policy.variables(params, run.frozen)),
    (build(plain)[0].policy, {"params": build(plain)[1].params}),
  ):
    hidden, _ = policy.decoder.apply(variables, ids, ids)
    logits.append(policy.decoder.apply(variables, hidden, method="logits"))
  np.testing.assert_allclose(logits[0], logits[1], atol=1e-4)
  with pytest.raises(UserError, match="not empty"):
    serve.export(config, str(tmp_path / "run"), tmp_path / "out")


def test_evaluate_and_sample_a_run(tmp_path, capsys):
  config = tiny.config(tmp_path / "run", steps=1)
  loop.train(config)
  again = serve.evaluate(config, str(tmp_path / "run"))
  recorded = read_jsonl(tmp_path / "run" / "metrics.jsonl")[-1]
  assert recorded["kind"] == "eval" and again["step"] == recorded["step"] == 1
  for name in ("greedy_accuracy", "mean_at_k", "length"):
    assert again[name] == recorded[name]
  options = {"samples": 3, "temperature": 1.0, "seed": 0}
  answers = serve.sample(config, str(tmp_path / "run"), "1+1=", **options)
  assert len(answers) == 3 and len(set(answers)) > 1

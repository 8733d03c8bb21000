"""Whole runs on a tiny model: exact resume, signals, failures that are counted."""

import dataclasses
import functools
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
from jaxrl.config import EvaluationConfig, VerifyConfig
from jaxrl.draw import EVALUATION, TRAINING, stream
from jaxrl.errors import UserError
from jaxrl.metrics import read_jsonl
from tests import tiny

# TensorStore's threads may outlive a checkpoint manager by a moment.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

UNREAD = EvaluationConfig(problems=0)  # where no test looks at one
TIMES = (
  *("seconds", "collect_seconds", "update_seconds", "tokens_per_second"),
  *("compile_seconds", "compilations"),
)


def final(directory, config, state):
  """The train state and position that a run saved last; `state` is like it."""
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
  "everything": {
    "mini_batches": 2,
    "epochs_per_batch": 2,
    "regularizers": ({"name": "kl"},),
    "controllers": ({"name": "adaptive_kl", "target": 1e-4, "rows": 5000},),
    "advantage": {"name": "gae"},
    "replay_groups": 3,
    "refill": ({"name": "informative_groups"},),
    "task": {"name": f"{tiny.OWN}:parity_task"},
    "optimizer": {"name": "muon"},
    "schedule": {"name": "cosine", "learning_rate": 1e-3, "warmup_steps": 2},
  },
}


@pytest.mark.parametrize(
  "variant, ending", [("plain", "power cut"), ("everything", "signal")]
)
def test_four_steps_equal_two_then_two(tmp_path, variant, ending):
  """Bit for bit: parameters, optimiser, data position, metrics and samples.

  A signal saves where the run stands; after a power cut it goes on from a checkpoint
  that is older than the files.
  """
  whole = tiny.config(tmp_path / "whole", **VARIANTS[variant])
  loop.fit(whole)
  every = 2 if ending == "power cut" else 0
  output = dataclasses.replace(
    whole.output, directory=str(tmp_path / "part"), checkpoint_every_steps=every
  )
  part = dataclasses.replace(whole, output=output)
  cut_short(part, ending)
  loop.fit(part)
  _, like = build(whole)
  state, position = final(tmp_path / "whole", whole, like)
  again, there = final(tmp_path / "part", part, like)
  assert position.curriculum == there.curriculum
  assert position.step == there.step == 4
  norms = [r["grad_norm"] for r in numbers(tmp_path / "whole") if r["kind"] == "train"]
  assert min(norms) > 1e-4, "a run that learns nothing resumes trivially"
  assert_identical(state, again)
  assert_identical(position.replay, there.replay)
  assert bool(position.replay) == (variant == "everything")
  assert numbers(tmp_path / "whole") == numbers(tmp_path / "part")
  samples = [read_jsonl(tmp_path / d / "samples.jsonl") for d in ("whole", "part")]
  assert samples[0] == samples[1] and len(samples[0]) >= 4 * 16 + 2 * 6
  if variant == "everything":
    trained = [r for r in numbers(tmp_path / "whole") if r["kind"] == "train"]
    assert sum(r["rounds"] for r in trained) > 4, "nothing was refilled"
    assert len({r["kl_coefficient"] for r in trained}) > 1, "nothing was followed"


class PowerCut(BaseException):
  """Nothing catches it."""


def cut_short(config, ending):
  """Runs until a signal in step 2, or until the power goes in step 3."""
  shown = []
  show = loop._show

  def counting(bar, metrics):
    shown.append(metrics)
    show(bar, metrics)
    if ending == "signal" and len(shown) == 2:
      os.kill(os.getpid(), signal.SIGTERM)
    if ending == "power cut" and len(shown) == 3:
      raise PowerCut

  loop._show = counting
  try:
    loop.fit(config)
  except PowerCut:
    pass
  finally:
    loop._show = show
  rows = read_jsonl(pathlib.Path(config.output.directory) / "metrics.jsonl")
  assert len([r for r in rows if r["kind"] == "train"]) == len(shown) < 4


RUN = """
import sys, pathlib
from jaxrl import cli
from tests import tiny
tiny.model_directory = lambda: sys.argv[2]
from jaxrl import config, loop
changes = {"steps": 100000, "evaluation": config.EvaluationConfig(problems=0)}
loop.train(tiny.config(pathlib.Path(sys.argv[1]), **changes))
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
    evaluation=UNREAD,
    verify=VerifyConfig(timeout_seconds=0.3, workers=2),
    task={"name": f"{tiny.OWN}:failing_task"},
  )
  loop.fit(config)
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


def test_fifty_steps_compile_each_function_a_few_times(tmp_path):
  """Packed, by slots, with drafts and the optimiser's state put away: no new shapes."""
  base = tiny.config(tmp_path / "run")
  sampling = dataclasses.replace(base.sampling, slots=8, lookup_tokens=1)
  packed = dataclasses.replace(
    base,
    steps=50,
    micro_batches=1,
    responses_per_row=1,
    micro_batch_tokens=24,
    offload_optimizer=True,
    sampling=sampling,
    evaluation=EvaluationConfig(problems=0),
  )
  loop.fit(packed)
  rows = read_jsonl(tmp_path / "run" / "metrics.jsonl")
  counts = [row["compilations"] for row in rows]
  assert len(rows) == 50 and counts[0] > 5 and rows[0]["compile_seconds"] > 0
  assert sum(counts[5:]) == 0, counts
  assert sum(counts) < 200 and min(row["grad_norm"] for row in rows) > 1e-6


def test_how_a_batch_is_laid_out_changes_no_update(tmp_path):
  """Whole runs: rows one by one, prompts shared, packed, and optimiser state moved."""
  layouts = {
    "rows": {"micro_batches": 2, "responses_per_row": 1},
    "shared": {"micro_batches": 1, "responses_per_row": 0},
    "packed": {
      "micro_batches": 1,
      "responses_per_row": 1,
      "micro_batch_tokens": 30,
      "packed_row_tokens": 15,
      "offload_optimizer": True,
    },
  }
  norms = {}
  for name, layout in layouts.items():
    settings = {"evaluation": EvaluationConfig(problems=0), "steps": 3, **layout}
    terms = {"regularizers": ({"name": "kl_k3"},)}
    loop.fit(tiny.config(tmp_path / name, **settings, **terms))
    rows = read_jsonl(tmp_path / name / "metrics.jsonl")
    norms[name] = [(row["grad_norm"], row["loss"], row["reward"]) for row in rows]
  np.testing.assert_allclose(norms["shared"], norms["rows"], rtol=1e-3, atol=1e-5)
  np.testing.assert_allclose(norms["packed"], norms["rows"], rtol=1e-3, atol=1e-5)


def test_a_gap_between_sampler_and_scorer_stops_the_run(tmp_path, monkeypatch):
  from jaxrl import sampler

  config = tiny.config(tmp_path / "run", evaluation=UNREAD)
  honest = sampler.generate

  def wrong(*args, **kwargs):
    out = honest(*args, **kwargs)
    return out.replace(logp=out.logp - 0.1 * out.mask)

  monkeypatch.setattr(sampler, "generate", wrong)
  with pytest.raises(UserError, match=r"step 1: log-probs .* differ by 0\.1 nats"):
    loop.fit(config)
  with Checkpoints(tmp_path / "run", keep=1) as saved:
    assert saved.latest_step() is None


def test_every_step_and_stream_draws_afresh():
  keys = {
    tuple(jax.random.key_data(stream(seed, kind, step)).tolist())
    for seed in (0, 1)
    for kind in (TRAINING, EVALUATION)
    for step in range(5)
  }
  assert len(keys) == 20


def test_the_gap_is_logged_and_is_rounding(tmp_path):
  loop.fit(tiny.config(tmp_path / "run", steps=2, evaluation=UNREAD))
  rows = read_jsonl(tmp_path / "run" / "metrics.jsonl")
  gaps = [r["sampler_gap"] for r in rows if r["kind"] == "train"]
  assert len(gaps) == 2 and 0 <= max(gaps) < 1e-4


def test_a_checkpoint_of_another_config_is_refused(tmp_path):
  settings = {"steps": 1, "evaluation": UNREAD}
  loop.fit(tiny.config(tmp_path / "run", **settings))
  before = (tmp_path / "run" / "metrics.jsonl").read_bytes()
  other = tiny.config(tmp_path / "run", **settings, seed=7)
  with pytest.raises(UserError, match=r"seed is 0 there and 7 now"):
    loop.fit(other)
  assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == before


def test_lora_trains_adapters_and_exports_them_merged(tmp_path):
  base = tiny.config(tmp_path / "run", steps=2, evaluation=UNREAD)
  model = dataclasses.replace(base.model, lora_rank=2, lora_alpha=4.0)
  config = dataclasses.replace(
    base, model=model, regularizers=({"name": "kl_k3"},), micro_batches=1
  )
  loop.fit(config)
  run, params, _ = serve.trained(config, str(tmp_path / "run"))
  assert {leaf.shape[-1] for leaf in jax.tree.leaves(params)} >= {2}
  serve.export(config, str(tmp_path / "run"), tmp_path / "out")
  plain = dataclasses.replace(
    config, model=dataclasses.replace(base.model, path=str(tmp_path / "out"))
  )
  ids = jax.numpy.arange(5)[None]
  merged, state = build(plain)

  @functools.partial(jax.jit, static_argnums=0)
  def logits_of(decoder, variables):
    hidden, _ = decoder.apply(variables, ids, ids)
    return decoder.apply(variables, hidden, method="logits")

  logits = [
    logits_of(run.policy.decoder, run.policy.variables(params, run.frozen)),
    logits_of(merged.policy.decoder, {"params": state.params["policy"]}),
  ]
  np.testing.assert_allclose(logits[0], logits[1], atol=1e-4)
  with pytest.raises(UserError, match="not empty"):
    serve.export(config, str(tmp_path / "run"), tmp_path / "out")


def test_evaluate_and_sample_a_run(tmp_path, capsys):
  config = tiny.config(tmp_path / "run", steps=1)
  loop.fit(config)
  again = serve.evaluate(config, str(tmp_path / "run"))
  recorded = read_jsonl(tmp_path / "run" / "metrics.jsonl")[-1]
  assert recorded["kind"] == "eval" and again["step"] == recorded["step"] == 1
  for name in ("greedy_accuracy", "mean_at_k", "length"):
    assert again[name] == recorded[name]
  options = {"samples": 3, "temperature": 1.0, "seed": 0}
  answers = serve.sample(config, str(tmp_path / "run"), "1+1=", **options)
  assert len(answers) == 3 and len(set(answers)) > 1

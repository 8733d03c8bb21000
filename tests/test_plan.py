"""The plan's numbers are those of the programs that a run compiles."""

import dataclasses
import shutil

import jax
import jaxtyping
import pytest

from jaxrl import cli, loop, sampler
from jaxrl import plan as plan_lib
from jaxrl.build import build
from jaxrl.collect import collect
from jaxrl.config import EvaluationConfig, ModelConfig, SamplingConfig, resolve, to_json
from jaxrl.draw import verifiers
from jaxrl.prm import held_out
from jaxrl.prm.score_steps import StepScorer
from tests import tiny

SIZES = ("arguments", "outputs", "temporaries", "aliased")
EVERYTHING = {
  "evaluation": EvaluationConfig(problems=0),
  "sampling": SamplingConfig(
    max_prompt_tokens=8,
    max_response_tokens=4,
    prompt_bucket_tokens=8,
    int8_weights=True,
    int8_cache=True,
  ),
  "micro_batches": 1,
  "responses_per_row": 1,
  "micro_batch_tokens": 24,
  "old_logp": "scorer",
  "regularizers": ({"name": "kl_k3"},),
  "mini_batches": 2,
  "replay_groups": 2,
}
STATES = {
  "critic": {"advantage": {"name": "gae"}},
  "log_partition": {"loss": {"name": "flow_rl"}},
  "lora": {"model": ModelConfig(path=tiny.model_directory(), chat=False, lora_rank=2)},
}


def sizes(stats):
  """What `memory_analysis` says, by the plan's names."""
  names = ("argument", "output", "temp", "alias")
  values = [getattr(stats, f"{name}_size_in_bytes") for name in names]
  return dict(zip(SIZES, values, strict=True))


def planned(program):
  return {name: getattr(program, name) for name in SIZES}


@pytest.fixture(autouse=True)
def shapes_for_arrays():
  """Some structs name arrays as their fields' types, and here hold shapes.

  And what the plan compiles is kept, as the command keeps it for the run.
  """
  name = "jax_persistent_cache_min_compile_time_secs"
  before = getattr(jax.config, name)
  jaxtyping.config.update("jaxtyping_disable", True)
  jax.config.update(name, 0.0)
  yield
  jax.config.update(name, before)
  jaxtyping.config.update("jaxtyping_disable", False)


class Recorded:
  """A jitted function that keeps what its programs need."""

  def __init__(self, function):
    self.function, self.seen = function, []

  def __call__(self, *args, **kwargs):
    self.seen.append(
      sizes(self.function.lower(*args, **kwargs).compile().memory_analysis())
    )
    return self.function(*args, **kwargs)


def test_sizes_are_those_of_a_real_run(tmp_path, monkeypatch):
  used = resolve(tiny.config(tmp_path, **EVERYTHING))
  found = {(p.phase, p.name): p for p in plan_lib.plan(used).programs}
  run, state = build(used)
  recorded = {
    ("sampling", "weights"): (sampler, "cast_weights"),
    ("sampling", "start"): (sampler, "start"),
    ("sampling", "advance"): (sampler, "advance"),
    ("scoring", "reference"): (run, "reference_logp"),
    ("scoring", "old"): (run, "outputs_old"),
    ("training", "train step"): (run, "train_step"),
  }
  real = {}
  for key, (owner, attribute) in recorded.items():
    real[key] = Recorded(getattr(owner, attribute))
    if owner is run:
      object.__setattr__(run, attribute, real[key])
    else:
      monkeypatch.setattr(owner, attribute, real[key])
  with verifiers(run) as pool:
    batch, *_ = collect(run, pool, state.params, run.curriculum.init(), 1)
  batch, _ = loop._replayed(used, batch, {})
  loop.update(run, state, batch, 1)
  for key, function in real.items():
    assert planned(found[key]) == function.seen[0], key


WEIGHED = {
  "reweighting": ({"name": "dreamprm"},),
  "meta": {"name": "labelled_steps", "path": tiny.labelled_path()},
  "loss": {"name": "prm/objectives/step_mse"},
}
PACKED = {"micro_batch_tokens": 44, "packed_row_tokens": 22}
RECORDED = {
  "steps": {"mini_batches": 2},
  "weighed": WEIGHED,
  "weighed, packed": {**WEIGHED, **PACKED, "mini_batches": 2},
  "learns along": {
    "explore": {"name": "recorded", "train": "responses"},
    "advantage": {"name": "prime"},
    "loss": {"name": "sft"},
    "prm_update": "before",
  },
}


def shape(tree):
  return jax.tree.map(lambda x: (x.shape, str(x.dtype)), tree)


def arguments(used, monkeypatch):
  """What each program of the plan is given; none is compiled."""
  found = {}

  def measure(phase, name, function, beside, *args, **kwargs):
    found[phase, name] = shape(args)
    return plan_lib.Program(phase, name, *[0] * 6)

  monkeypatch.setattr(plan_lib, "_measure", measure)
  plan_lib.plan(used)
  return found


def seen(of, answer):
  """A stand-in for a program, which keeps what it is given in `of`."""

  def called(*args):
    of.append(shape(args))
    return answer(*args)

  return called


@pytest.mark.parametrize("name", RECORDED)
def test_rows_of_files_are_those_of_a_real_run(name, tmp_path, monkeypatch):
  """Those of known outcomes too: the same programs, as their arguments are the same."""
  used = resolve(tiny.prm_config(tmp_path, **RECORDED[name]))
  planned = arguments(used, monkeypatch)
  assert {phase for phase, _ in planned} <= {"evaluation", "scoring", "training"}
  run, state = build(used)
  trained, learnt, read = [], [], []
  mask_of = lambda *args: args[-1].mask
  step = seen(trained, lambda state, *args: (state, {}))
  run = dataclasses.replace(run, train_step=step, reference_logp=mask_of)
  if run.online is not None:
    learns = seen(learnt, lambda state, *args: (state, {}))
    online = dataclasses.replace(run.online, step=learns, logp=mask_of)
    run = dataclasses.replace(run, online=online)
  program = seen(read, mask_of)
  monkeypatch.setattr(StepScorer, "program", property(lambda self: program))
  start = run.curriculum.init()
  batch, *_ = collect(run, None, state.params, start, 1, state.beside)
  loop.update(run, state, batch, 1)
  held_out.evaluate(run, state.params, 0)
  assert planned["training", "train step"] == trained[0]
  assert len(trained) == used.mini_batches
  assert len(trained[0]) == (4 if used.reweighting else 3)
  assert planned["evaluation", "step scores"] == read[0]
  if run.online is not None:
    assert planned["scoring", "online model"] == learnt[0]


@pytest.mark.parametrize("name", STATES)
def test_shapes_are_those_of_the_state_that_is_built(name, tmp_path):
  used = resolve(tiny.config(tmp_path, **STATES[name]))
  (run, state), (real, real_state) = build(used, shapes_only=True), build(used)
  assert shape((state, run.frozen)) == shape((real_state, real.frozen))
  assert run.needs == real.needs


def test_the_command_reads_and_makes_no_tensor(tmp_path, capsys):
  model = tmp_path / "model"
  shutil.copytree(tiny.model_directory(), model)
  (model / "model.safetensors").unlink()
  model = ModelConfig(path=str(model), chat=False, logit_chunk_tokens=32)
  used = resolve(tiny.config(tmp_path / "run", **EVERYTHING, model=model))
  (tmp_path / "tiny.json").write_text(to_json(used))
  before = {id(x) for x in jax.live_arrays()}
  assert cli.main(["plan", str(tmp_path / "tiny.json"), "--steps", "9"]) == 0
  new = [x for x in jax.live_arrays() if id(x) not in before]
  embedding = tiny.DECODER.vocab_size * tiny.DECODER.embed_dim
  assert max((x.size for x in new), default=0) < embedding
  out = capsys.readouterr().out
  for part in ("replay buffer", "optimiser state", "KV cache", "train step", "fits"):
    assert part in out
  assert "at most 64 tokens, to 32 of prompts" in out
  assert not (tmp_path / "run").exists()

"""A tiny real model on disk and configs that train it in seconds."""

import dataclasses
import functools
import pathlib
import random
import tempfile

import jax
import numpy as np

from jaxrl import loop
from jaxrl.config import (
  Config,
  EvaluationConfig,
  ModelConfig,
  OutputConfig,
  SamplingConfig,
  VerifyConfig,
  resolve,
)
from jaxrl.models.cache import EMPTY
from jaxrl.models.config import DecoderConfig
from jaxrl.models.decoder import init_params
from jaxrl.models.save import save
from jaxrl.models.tokenizer import byte_tokenizer
from jaxrl.prm.solutions import Solution, to_line

OWN = pathlib.Path(__file__).with_name("own.py")
DECODER = DecoderConfig(
  vocab_size=259,
  num_layers=2,
  embed_dim=32,
  mlp_dim=64,
  num_heads=4,
  num_kv_heads=2,
  head_dim=8,
  max_positions=64,
  bos_id=257,
  eos_id=258,
  pad_id=256,
)


@functools.cache
def model_directory() -> str:
  """A random two-layer decoder over bytes, as a Hugging Face directory."""
  directory = pathlib.Path(tempfile.mkdtemp(prefix="jaxrl-tiny-")) / "model"
  save(directory, DECODER, init_params(DECODER, jax.random.key(0)), byte_tokenizer())
  return str(directory)


def config(directory: pathlib.Path, **changes) -> Config:
  """A run of four steps on sums of single digits."""
  base = Config(
    name="tiny",
    steps=4,
    prompts_per_step=4,
    group_size=4,
    micro_batches=2,
    responses_per_row=4,
    model=ModelConfig(path=model_directory(), chat=False, logit_chunk_tokens=32),
    sampling=SamplingConfig(
      max_prompt_tokens=8, max_response_tokens=4, prompt_bucket_tokens=8
    ),
    verify=VerifyConfig(workers=1),
    evaluation=EvaluationConfig(problems=6, samples=2, batch_rows=8),
    output=OutputConfig(
      directory=str(directory), checkpoint_every_steps=0, tensorboard=False
    ),
    task={"name": "token_arithmetic", "max_operand": 9},
    # A random model is never right; its samples do differ in this.
    rewards=({"name": "accuracy"}, {"name": f"{OWN}:even_tokens"}),
    schedule={"name": "constant", "learning_rate": 1e-3},
  )
  return resolve(dataclasses.replace(base, **changes))


@functools.cache
def _plain(decoder):
  @jax.jit
  def said(variables, ids, places):
    hidden, _ = decoder.apply(variables, ids, places)
    return hidden, decoder.apply(variables, hidden, method="logits")

  return said


def plain(run, params, ids: list[int], width: int) -> list[np.ndarray]:
  """States [T, D] and logits [T, V] of a text alone; a width is compiled once."""
  padded, places = np.zeros((1, width), np.int32), np.full((1, width), EMPTY, np.int32)
  padded[0, : len(ids)], places[0, : len(ids)] = ids, np.arange(len(ids))
  variables = run.policy.variables(params, run.frozen)
  found = _plain(run.policy.decoder)(variables, padded, places)
  return [np.asarray(x, float)[0, : len(ids)] for x in found]


def solution(number: int, rng: random.Random) -> Solution:
  """Steps of letters; those with an x are wrong, and nothing after them has a label."""
  steps: list[str] = []
  labels: list[float | None] = []
  fine = True
  for _ in range(rng.randint(1, 4)):
    wrong = rng.random() < 0.3
    steps.append(("x" if wrong else rng.choice("abc")) + rng.choice("abc") + "\n")
    labels.append(float(not wrong) if fine else None)
    fine = fine and not wrong
  return Solution(
    problem=str(number),
    question=f"{number}?",
    steps=tuple(steps),
    labels=tuple(labels),
    outcome=float(fine),
  )


@functools.cache
def labelled_path(count: int = 200, of_each: int = 1) -> str:
  """A file of `solution`s."""
  path = pathlib.Path(tempfile.mkdtemp(prefix="jaxrl-labels-")) / "labels.jsonl"
  rng = random.Random(0)
  lines = [to_line(solution(i, rng)) for i in range(count) for _ in range(of_each)]
  path.write_text("".join(lines))
  return str(path)


def prm_config(directory: pathlib.Path, **changes) -> Config:
  """A run of four steps that trains a process reward model on them."""
  settings = {
    "task": {"name": "labelled_steps", "path": labelled_path()},
    "explore": {"name": "recorded"},
    "loss": {"name": "prm/objectives/step_bce"},
    "prompts_per_step": 16,
    "group_size": 1,
    "micro_batches": 1,
    "responses_per_row": 1,
    "rewards": ({"name": "accuracy"},),
    "sampling": SamplingConfig(
      max_prompt_tokens=8, max_response_tokens=14, prompt_bucket_tokens=8
    ),
    "evaluation": EvaluationConfig(problems=50, batch_rows=16),
  }
  return config(directory, **{**settings, **changes})


@functools.cache
def prm_directory(implicit: bool = False) -> str:
  """A run that has trained a process reward model for one step."""
  directory = pathlib.Path(tempfile.mkdtemp(prefix="jaxrl-prm-")) / "run"
  changes = {"steps": 1, "evaluation": EvaluationConfig(problems=0)}
  if implicit:
    changes |= {
      "explore": {"name": "recorded", "train": "responses"},
      "loss": {"name": "prm/objectives/implicit_ce"},
      "readout": {"name": "implicit"},
    }
  return str(loop.fit(prm_config(directory, **changes)))

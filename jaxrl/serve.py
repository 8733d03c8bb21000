"""Uses of a trained policy: evaluate it, try it, export it, label its solutions."""

import dataclasses
import pathlib

import jax
import jax.numpy as jnp

from jaxrl import prompts, sampler
from jaxrl.build import Run, build
from jaxrl.checkpoints import Checkpoints
from jaxrl.config import Config
from jaxrl.draw import texts, verifiers
from jaxrl.errors import UserError
from jaxrl.evaluate import evaluate as evaluate_run
from jaxrl.models.save import save
from jaxrl.policy import merged
from jaxrl.prm import held_out, score_steps
from jaxrl.prm import label as label_lib
from jaxrl.search import on_host, on_model, trajectories
from jaxrl.types import Tree


def trained(config: Config, name: str) -> tuple[Run, Tree, int]:
  """A run, the trained parameters and the step they are of.

  `name` is a run directory, whose newest checkpoint is read, or a config's name: the
  weights before training.
  """
  run, state = build(config)
  if not pathlib.Path(name).is_dir():
    return run, state.params, 0
  with Checkpoints(pathlib.Path(name), keep=config.output.keep_checkpoints) as saved:
    restored = saved.restore(state)
  if restored is None:
    raise UserError(f"{name} has no checkpoint yet; let it train to its first save")
  state, position = restored
  return run, state.params, position.step


def evaluate(config: Config, name: str) -> dict[str, float]:
  """Metrics of an evaluation as the config describes it, and as training does it."""
  run, params, step = trained(config, name)
  if held_out.is_labelled(run):
    metrics, _ = held_out.evaluate(run, params, step)
  else:
    with verifiers(run) as pool:
      metrics, _ = evaluate_run(run, pool, params, step)
  return {"step": float(step), **metrics}


def label(config: Config, name: str, path: pathlib.Path) -> dict[str, float]:
  """Labelled solutions of the config's problems to a file; counts of what was done."""
  config = dataclasses.replace(config, task=config.labels_of)
  run, params, _ = trained(config, name)
  with verifiers(run) as pool:
    return label_lib.label(run, pool, params, path)


def search(config: Config, name: str) -> dict[str, float]:
  """How well the config's search answers its test problems; see `on_model.summary`.

  Raises:
    UserError: the config names no model of steps.
  """
  hosted = on_host.is_hosted(config)
  if not hosted and config.prm is None:
    raise UserError(
      "search: the config names no model of steps; set prm to the run directory of one"
    )
  run, params, _ = trained(config, name)
  with verifiers(run) as pool:
    if hosted:
      found = on_host.search(run, pool, params)
    else:
      assert config.prm is not None
      scorer = score_steps.load(config.prm)
      found = on_model.search(run, pool, params, scorer)
  shown = on_model.summary(found)
  if config.searching.write is not None:
    path = pathlib.Path(config.searching.write)
    shown["written"] = float(trajectories.write(run, found, path))
  return shown


def sample(
  config: Config,
  name: str,
  prompt: str,
  *,
  samples: int,
  temperature: float,
  seed: int,
) -> list[str]:
  """Responses to one prompt, by the chat template where the config uses it."""
  run, params, _ = trained(config, name)
  chat = [{"role": "user", "content": prompt}]
  ids = run.tokenizer.chat(chat) if config.model.chat else run.tokenizer.encode(prompt)
  tokens, lengths = prompts.pad(
    [ids],
    bucket=config.sampling.prompt_bucket_tokens,
    max_tokens=config.sampling.max_prompt_tokens,
    pad_id=run.tokenizer.pad_id,
  )
  rules = dataclasses.replace(run.rules, greedy=temperature == 0)
  if temperature > 0:
    rules = dataclasses.replace(rules, temperature=temperature)
  responses = sampler.generate(
    run.policy.decoder,
    run.policy.variables(params, run.frozen),
    jnp.asarray(tokens),
    jnp.asarray(lengths),
    jnp.arange(samples, dtype=jnp.int32),
    jax.random.key(seed),
    rules=rules,
    engine=run.engine,
  )
  return texts(run.tokenizer, responses)


def export(config: Config, name: str, directory: pathlib.Path) -> None:
  """Writes a directory that transformers opens; adapters are merged.

  Raises:
    UserError: the directory exists and is not empty.
  """
  if directory.exists() and any(directory.iterdir()):
    raise UserError(f"{directory} is not empty; export to a new directory")
  run, params, _ = trained(config, name)
  plain = merged(run.policy, params, run.frozen)
  save(directory, run.policy.decoder.config, plain, run.tokenizer)

"""A run is one frozen `Config`; `configs/*.py` are files whose `config()` returns one.

A stage of the training line is a spec: `{"name": ..., **hyper-parameters}`, resolved by
`pick`. Everything else is a typed field of one of the dataclasses below.
"""

import dataclasses
import importlib
import importlib.util
import json
import pathlib
import pkgutil
from collections.abc import Mapping
from typing import Any, Literal

from jaxrl import config_checks
from jaxrl.config_parts import (
  EvaluationConfig,
  LabellingConfig,
  ModelConfig,
  OutputConfig,
  SamplingConfig,
  SearchConfig,
  VerifyConfig,
)
from jaxrl.errors import UserError, near_match
from jaxrl.pick import STAGES, all_needs, hyper_parameters, load_file, needs, pick
from jaxrl.pick import load as load_method

Spec = Mapping[str, Any]

# Field of Config -> folder of its methods. A field holds one spec or a tuple of them.
ONE = {
  "task": "tasks",
  "curriculum": "curricula",
  "explore": "explore",
  "advantage": "advantages",
  "loss": "losses",
  "reduction": "reductions",
  "optimizer": "optimizers",
  "schedule": "schedules",
  "value_target": "value_targets",
  "value_loss": "losses",
  "critic_optimizer": "optimizers",
  "critic_schedule": "schedules",
  "labels_of": "tasks",
  "cut": "prm/steps",
  "tree": "prm/trees",
  "query": "prm/queries",
  "labels": "prm/labels",
  "readout": "prm/readouts",
  "prm_loss": "prm/objectives",
  "prm_optimizer": "optimizers",
  "prm_schedule": "schedules",
  "meta": "tasks",
  "meta_loss": "prm/objectives",
  "meta_optimizer": "optimizers",
  "meta_schedule": "schedules",
  "search": "search/strategies",
  "score": "prm/scores",
}
MANY = {
  "rewards": "rewards",
  "selectors": "selectors",
  "refill": "selectors",
  "corrections": "corrections",
  "regularizers": "regularizers",
  "controllers": "controllers",
  "reweighting": "prm/reweighting",
}


@dataclasses.dataclass(frozen=True)
class Config:
  """One run, whole."""

  name: str = "run"
  seed: int = 0
  steps: int = 100  # batches of rollouts
  prompts_per_step: int = 8
  group_size: int = 8  # samples a prompt
  epochs_per_batch: int = 1
  mini_batches: int = 1  # optimiser steps an epoch
  # How a batch is cut for the model: memory and speed, not mathematics. Either packed,
  # in micro-batches of about so many tokens, or (0) in `micro_batches` equal ones.
  micro_batch_tokens: int = 0
  # Of a packed row; 0: the longest prompt with the longest responses that fit in.
  packed_row_tokens: int = 0
  micro_batches: int = 1
  responses_per_row: int = 1  # that share a copy of their prompt; 0: all of a group
  offload_optimizer: bool = False  # all state of optimisers waits in host memory
  max_grad_norm: float = 1.0  # 0: no clipping
  # Whose log-probs are those before the update: the scorer's cost a forward pass, and
  # make the corrections see what sampler and trainer differ in.
  old_logp: Literal["sampler", "scorer"] = "sampler"
  refill_rounds: int = 8  # at most, to replace groups that `refill` empties
  replay_groups: int = 0  # kept to take the place of groups without spread; 0: none
  reference_samples: int = (
    8  # a prompt, of the reference model, for `reference_rewards`
  )
  # |log-prob sampled - rescored| that stops the run, in nats; None: loop's, by dtype.
  sampler_gap_max: float | None = None
  platform: Literal["any", "cpu", "gpu", "tpu"] = "any"
  model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
  sampling: SamplingConfig = dataclasses.field(default_factory=SamplingConfig)
  verify: VerifyConfig = dataclasses.field(default_factory=VerifyConfig)
  evaluation: EvaluationConfig = dataclasses.field(default_factory=EvaluationConfig)
  labelling: LabellingConfig = dataclasses.field(default_factory=LabellingConfig)
  searching: SearchConfig = dataclasses.field(default_factory=SearchConfig)
  output: OutputConfig = dataclasses.field(default_factory=OutputConfig)
  task: Spec = dataclasses.field(default_factory=lambda: {"name": "reasoning_gym"})
  curriculum: Spec = dataclasses.field(default_factory=lambda: {"name": "uniform"})
  explore: Spec = dataclasses.field(default_factory=lambda: {"name": "groups"})
  rewards: tuple[Spec, ...] = ({"name": "accuracy"},)
  refill: tuple[Spec, ...] = ()  # selectors; the groups they empty are drawn anew
  selectors: tuple[Spec, ...] = ()
  advantage: Spec = dataclasses.field(default_factory=lambda: {"name": "group_norm"})
  loss: Spec = dataclasses.field(default_factory=lambda: {"name": "ppo_clip"})
  corrections: tuple[Spec, ...] = ()
  regularizers: tuple[Spec, ...] = ()
  controllers: tuple[Spec, ...] = ()  # of the regularizers' coefficients
  reduction: Spec = dataclasses.field(default_factory=lambda: {"name": "token_mean"})
  optimizer: Spec = dataclasses.field(default_factory=lambda: {"name": "adamw"})
  schedule: Spec = dataclasses.field(default_factory=lambda: {"name": "constant"})
  # Of the critic, which there is where a method names `values_old`.
  value_target: Spec = dataclasses.field(
    default_factory=lambda: {"name": "lambda_return"}
  )
  value_loss: Spec = dataclasses.field(default_factory=lambda: {"name": "value_clip"})
  critic_optimizer: Spec = dataclasses.field(default_factory=lambda: {"name": "adamw"})
  critic_schedule: Spec = dataclasses.field(
    default_factory=lambda: {"name": "constant", "learning_rate": 1e-5}
  )
  # Of process rewards: where responses are cut, which prefixes are completed, what that
  # says of the steps, and how a trained head's outputs become scores.
  labels_of: Spec = dataclasses.field(  # the problems that `jaxrl label` has solved
    default_factory=lambda: {"name": "reasoning_gym"}
  )
  cut: Spec = dataclasses.field(default_factory=lambda: {"name": "newline"})
  tree: Spec = dataclasses.field(default_factory=lambda: {"name": "none"})
  query: Spec = dataclasses.field(default_factory=lambda: {"name": "every_prefix"})
  labels: Spec = dataclasses.field(
    default_factory=lambda: {"name": "math_shepherd_soft"}
  )
  prm: str | None = None  # run directory of the model that scores steps in training
  readout: Spec = dataclasses.field(default_factory=lambda: {"name": "sigmoid"})
  # Of an implicit model in the place of `prm`, which starts where the policy does and
  # learns from each batch, before or after it has scored it.
  prm_update: Literal["never", "before", "after"] = "never"
  prm_max_grad_norm: float = 10.0  # 0: no clipping
  prm_loss: Spec = dataclasses.field(default_factory=lambda: {"name": "implicit_ce"})
  prm_optimizer: Spec = dataclasses.field(default_factory=lambda: {"name": "adamw"})
  prm_schedule: Spec = dataclasses.field(
    default_factory=lambda: {"name": "constant", "learning_rate": 1e-6}
  )
  # Of weights of the training rows, one rule at most: they are learnt such that a step
  # on the weighted rows lowers `meta_loss` on solutions of the task `meta`.
  reweighting: tuple[Spec, ...] = ()
  meta: Spec = dataclasses.field(
    default_factory=lambda: {"name": "labelled_steps", "path": "meta.jsonl"}
  )
  meta_every: int = 1  # steps of the model for one of the weights
  meta_after: int = 0  # steps before the weights first move
  meta_loss: Spec = dataclasses.field(
    default_factory=lambda: {"name": "outcome_of_log_odds"}
  )
  meta_optimizer: Spec = dataclasses.field(default_factory=lambda: {"name": "adamw"})
  meta_schedule: Spec = dataclasses.field(
    default_factory=lambda: {"name": "constant", "learning_rate": 1e-2}
  )
  # Of a search at test time: which rows go on, and by what number they compete.
  search: Spec = dataclasses.field(default_factory=lambda: {"name": "best_of_n"})
  score: Spec = dataclasses.field(default_factory=lambda: {"name": "last"})

  def __post_init__(self):
    config_checks.check_types(self, "config")
    config_checks.check_positive(self)
    config_checks.check_divisions(self)
    config_checks.check_sharing(self)
    config_checks.check_packing(self)


def names() -> list[str]:
  """Names of the configs that ship with the library, such as "grpo", "presets/trl"."""
  package = importlib.import_module("jaxrl.configs")
  found = pkgutil.walk_packages(package.__path__, "jaxrl.configs.")
  modules = [module.name for module in found if not module.ispkg]
  return sorted(m.removeprefix("jaxrl.configs.").replace(".", "/") for m in modules)


def load(name: str) -> Config:
  """A config by name, by the path of a Python file, or of a saved config.json.

  "losses/gspo" is `base` with that one method: see `of_method`.

  Raises:
    UserError: there is none, or what it names does not exist.
  """
  if name.endswith(".json"):
    return from_json(pathlib.Path(name))
  if name.endswith(".py"):
    module = load_file(pathlib.Path(name))
    default_name = pathlib.Path(name).stem
  elif name in names():
    module = importlib.import_module(f"jaxrl.configs.{name.replace('/', '.')}")
    default_name = name.replace("/", "-")  # a part of the run's directory
  elif name.rpartition("/")[0] in STAGES and not pathlib.Path(name).exists():
    return of_method(name)
  else:
    raise UserError(
      f"no config {name!r}{near_match(name, names())}; a file of your own is given by "
      "its path, such as ./my_run.py"
    )
  if not hasattr(module, "config"):
    raise UserError(f"{module.__file__} has no function config() that returns a Config")
  config = module.config()
  if config.name == "run":
    config = dataclasses.replace(config, name=default_name)
  return resolve(config)


def of_method(name: str) -> Config:
  """The config `base` with one method in its place: of_method("losses/gspo").

  So a method trains without a config of its own. What it would be idle without comes
  along: several updates a batch where it names `logp_old`, the scorer's log-probs where
  it names `logp_sampling`, `gae` with a part of the critic, accuracy with a reward, its
  regularizer with a controller.

  Raises:
    UserError: there is no such stage or method, or it is only a part of others.
  """
  stage, _, method = name.rpartition("/") if "/" in name else (name, "", "")
  if stage not in STAGES:
    raise UserError(f"no stage {stage!r}{near_match(stage, STAGES)}")
  fn = pick(stage, method).func
  field = next((f for f, kind in {**MANY, **ONE}.items() if kind == stage), None)
  if stage == "prm/objectives":
    field = "loss"
  if field is None:
    raise UserError(f"{name} does not train alone: name a method that reads it")
  if field in ("search", "score"):
    return of_search(name, field)
  if stage.startswith("prm/") or name == "explore/recorded":
    return of_process_reward_model(stage, method, field)
  if field == "loss" and "values" in needs(fn):
    field = "value_loss"
  base = importlib.import_module("jaxrl.configs.base")
  spec = {"name": method}
  changes: dict[str, Any] = {field: (spec,) if field in MANY else spec}
  if "logp_old" in needs(fn):
    changes |= base.FOUR_UPDATES
  if "logp_sampling" in needs(fn):
    changes["old_logp"] = "scorer"
  if name == "explore/demonstrations":
    changes["loss"] = {"name": "sft"}
  if field in ("value_target", "value_loss"):
    changes["advantage"] = {"name": "gae"}
  if field == "rewards" and method != "accuracy":
    changes["rewards"] = ({"name": "accuracy"}, spec)
  if field == "controllers":
    changes["regularizers"] = ({"name": hyper_parameters(fn)["of"][1]},)
  return resolve(base.config(name=name.replace("/", "-"), **changes))


def of_search(name: str, field: str) -> Config:
  """The config `base` that searches in one way, with the model that prm/base trains."""
  base = importlib.import_module("jaxrl.configs.base")
  changes: dict[str, Any] = {field: {"name": name.rpartition("/")[2]}}
  config = base.config(name=name.replace("/", "-"), prm="runs/prm-base", **changes)
  return resolve(config)


def of_process_reward_model(stage: str, method: str, field: str) -> Config:
  """The config `prm/base` with one method, and a readout of what that trains."""
  base = importlib.import_module("jaxrl.configs.prm")
  name = f"{stage}/{method}"
  spec = {"name": method}
  changes: dict[str, Any] = {"name": name.replace("/", "-")}
  changes[field] = (spec,) if field in MANY else spec
  arrays = all_needs(load_method(stage, method))
  if stage == "prm/objectives":
    changes["loss"] = {"name": name}
    if {"score", "logp_ref"} & set(arrays):
      changes["explore"] = {"name": "recorded", "train": "responses"}
    if "logp_ref" in arrays:
      changes["readout"] = {"name": "implicit"}
    elif "step_outputs" in arrays:
      changes["readout"] = {"name": "class_share"}
    if "group" in arrays:
      changes["group_size"] = 4
  if field == "reweighting" and "step_outputs" in arrays:
    changes["loss"] = {"name": "prm/objectives/step_ce"}
    changes["readout"] = {"name": "class_share"}
    changes["meta_loss"] = {"name": "outcome_of_mean"}
  return resolve(base.config(**changes))


def resolve(config: Config) -> Config:
  """Fills in each method's default hyper-parameters, so a saved config says them all.

  Raises:
    UserError: an unknown method or hyper-parameter, or a value of a wrong type.
  """
  filled: dict[str, Any] = {f: _fill(k, getattr(config, f)) for f, k in ONE.items()}
  filled |= {f: tuple(_fill(k, s) for s in getattr(config, f)) for f, k in MANY.items()}
  return dataclasses.replace(config, **filled)


def _fill(kind: str, spec: Spec) -> Spec:
  if "name" not in spec:
    raise UserError(f"config: a spec of {kind} has no 'name': {dict(spec)}")
  method = pick(kind, **spec)
  defaults = {k: d for k, (_, d) in hyper_parameters(method.func).items()}
  return {**spec, **{k: d for k, d in defaults.items() if k not in spec}}


def bind(config: Config, field: str) -> Any:
  """The method, or tuple of methods, that a field of the config names."""
  if field in MANY:
    return tuple(pick(MANY[field], **spec) for spec in getattr(config, field))
  return pick(ONE[field], **getattr(config, field))


def to_json(config: Config) -> str:
  """The resolved config as JSON text."""
  return json.dumps(dataclasses.asdict(config), indent=2)


def from_json(path: pathlib.Path) -> Config:
  """Reads what `to_json` wrote."""
  try:
    values = json.loads(path.read_text())
  except (OSError, ValueError) as error:
    raise UserError(f"cannot read the config {path}: {error}") from error
  return resolve(_from_dict(Config, values, str(path)))


def _from_dict(cls: type, values: Mapping[str, Any], where: str) -> Any:
  fields = {f.name: f for f in dataclasses.fields(cls)}
  for key in values:
    if key not in fields:
      raise UserError(
        f"{where}: {cls.__name__} has no {key!r}{near_match(key, fields)}"
      )
  parts = {}
  for key, value in values.items():
    kind = fields[key].type
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
      value = _from_dict(kind, value, where)
    parts[key] = _tuples(value)
  return cls(**parts)


def _tuples(value: Any) -> Any:
  """JSON has no tuples; configs have no lists."""
  if isinstance(value, list):
    return tuple(_tuples(v) for v in value)
  if isinstance(value, dict):
    return {k: _tuples(v) for k, v in value.items()}
  return value

"""The command line: jaxrl train | evaluate | sample | export | label | report | ..."""

import dataclasses
import json
import math
import pathlib
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import tyro

from jaxrl import config as config_lib
from jaxrl import overrides
from jaxrl.errors import UserError, near_match
from jaxrl.models.errors import ModelError

USAGE = """jaxrl: reinforcement learning for language models, in pure JAX

  jaxrl train NAME [overrides]    train a config: NAME, my_run.py or runs/x/config.json
  jaxrl evaluate RUN [overrides]  accuracy of a run's newest checkpoint (or of a config)
  jaxrl sample RUN "a prompt"     try a run's newest checkpoint (or a config's model)
  jaxrl export RUN DIRECTORY      write a Hugging Face directory, adapters merged
  jaxrl report RUN                write the report of a run again
  jaxrl label NAME FILE           write solutions with labelled steps, for training PRMs
  jaxrl judge NAME FILE OUT       a model's own words on solutions, and scores of steps
  jaxrl search NAME [overrides]   answers to test problems, searched for with a PRM
  jaxrl plan NAME [overrides]     its peak memory, from the compiled programs alone
  jaxrl methods [NAME]            every method and config, or what one of them is

`jaxrl train NAME --help` lists all that can be overridden.
"""


def train(arguments: Sequence[str]) -> None:
  """Trains a config."""
  name, rest = _first(arguments, "train", "the name of a config or a .py file")
  config = overrides.apply(config_lib.load(name), rest)
  # jax is slow to import: a mistyped name answers at once.
  from jaxrl import compilation, loop

  compilation.keep_on_disk()

  command = shlex.join(["jaxrl", "train", *arguments])
  print(f"report: {loop.train(config, command=command)}")


def evaluate(arguments: Sequence[str]) -> None:
  """Evaluates a run's newest checkpoint, or the model that a config starts from."""
  name, rest = _first(arguments, "evaluate", "a run directory or the name of a config")
  config = overrides.apply(_config_of(name), rest)
  from jaxrl import compilation, serve

  compilation.keep_on_disk()
  metrics = serve.evaluate(config, name)
  # JSON has no NaN.
  shown = {k: None if math.isnan(value) else value for k, value in metrics.items()}
  print(json.dumps(shown, indent=2))


@dataclasses.dataclass(frozen=True)
class SampleOptions:
  """How to answer a prompt."""

  prompt: Annotated[str, tyro.conf.Positional]
  samples: int = 1
  temperature: float = 0.0  # 0: greedy
  max_tokens: int | None = None  # None: as in training
  seed: int = 0


def sample(arguments: Sequence[str]) -> None:
  """Answers one prompt."""
  name, rest = _first(arguments, "sample", "a run directory or the name of a config")
  options = overrides.parse(SampleOptions, rest, prog=f"jaxrl sample {name}")
  from jaxrl import compilation, serve

  compilation.keep_on_disk()
  config = _config_of(name)
  if options.max_tokens is not None:
    sampling = dataclasses.replace(
      config.sampling, max_response_tokens=options.max_tokens
    )
    config = dataclasses.replace(config, sampling=sampling)
  answers = serve.sample(
    config,
    name,
    options.prompt,
    samples=options.samples,
    temperature=options.temperature,
    seed=options.seed,
  )
  print("\n---\n".join(answers))


def export(arguments: Sequence[str]) -> None:
  """Writes a Hugging Face directory."""
  name, rest = _first(arguments, "export", "a run directory")
  directory, rest = _first(rest, "export", "the directory to write")
  if rest:
    raise UserError(f"jaxrl export takes two arguments; {rest[0]!r} is one too many")
  from jaxrl import serve

  serve.export(_config_of(name), name, pathlib.Path(directory))
  print(f"wrote {directory}")


def report(arguments: Sequence[str]) -> None:
  """Writes the report of a run again."""
  name, _ = _first(arguments, "report", "a run directory")
  from jaxrl.report import write_report

  print(f"report: {write_report(pathlib.Path(name))}")


def label(arguments: Sequence[str]) -> None:
  """Writes solutions of a config's problems, their steps labelled, to a JSONL file."""
  name, rest = _first(arguments, "label", "a run directory or the name of a config")
  path, rest = _first(rest, "label", "the .jsonl file to write")
  if path.startswith("-"):
    raise UserError(f"jaxrl label NAME FILE: {path} stands where the file should")
  config = overrides.apply(_config_of(name), rest)
  from jaxrl import compilation, serve

  compilation.keep_on_disk()
  print(json.dumps(serve.label(config, name, pathlib.Path(path)), indent=2))


def judge(arguments: Sequence[str]) -> None:
  """Adds a generative model's scores of steps to a file of solutions."""
  name, rest = _first(arguments, "judge", "a run directory or the name of a config")
  source, rest = _first(rest, "judge", "a .jsonl file of solutions")
  target, rest = _first(rest, "judge", "the .jsonl file to write")
  for path in (source, target):
    if path.startswith("-"):
      raise UserError(f"jaxrl judge NAME FILE OUT: {path} stands where a file should")
  from jaxrl.prm import judgement

  settings = overrides.parse(judgement.Settings, rest, prog=f"jaxrl judge {name}")
  config = _config_of(name)
  if settings.form is None:
    settings = dataclasses.replace(settings, form=config.task.get("form", "steps"))
  judgement.form_of(settings.form)
  from jaxrl import compilation, serve
  from jaxrl.prm import judged

  compilation.keep_on_disk()
  # The task of the problems: what the config trains on may be made by this command.
  config = dataclasses.replace(config, task=config.labels_of)
  run, params, _ = serve.trained(config, name)
  found = judged.judge_file(
    run, params, pathlib.Path(source), pathlib.Path(target), settings
  )
  shown = {k: None if math.isnan(value) else value for k, value in found.items()}
  print(json.dumps(shown, indent=2))


def search(arguments: Sequence[str]) -> None:
  """Searches for the answers to a config's test problems, with its model of steps."""
  name, rest = _first(arguments, "search", "a run directory or the name of a config")
  config = overrides.apply(_config_of(name), rest)
  from jaxrl import compilation, serve

  compilation.keep_on_disk()
  print(json.dumps(serve.search(config, name), indent=2))


def plan(arguments: Sequence[str]) -> None:
  """Says what memory a config will need; runs nothing."""
  name, rest = _first(arguments, "plan", "the name of a config or a .py file")
  config = overrides.apply(config_lib.load(name), rest)
  from jaxrl import compilation, plan_text
  from jaxrl import plan as plan_lib

  compilation.keep_on_disk()  # training then finds its programs there
  print(plan_text.text(plan_lib.plan(config)))


@dataclasses.dataclass(frozen=True)
class MethodsOptions:
  """Lists every method and config, or says what one of them is."""

  name: Annotated[str | None, tyro.conf.Positional] = None  # losses/gspo, gspo or grpo
  coverage: pathlib.Path | None = None  # a .tsv with ids: which are implemented, where


def methods(arguments: Sequence[str]) -> None:
  """Lists methods and configs."""
  options = overrides.parse(MethodsOptions, arguments, prog="jaxrl methods")
  if options.name is not None and options.coverage is not None:
    raise UserError("jaxrl methods takes a name or --coverage, not both")
  from jaxrl import catalogue

  if options.coverage is not None:
    text = catalogue.coverage(options.coverage)
  elif options.name is not None:
    text = catalogue.describe(options.name)
  else:
    text = catalogue.listing()
  if text:
    print(text)


COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
  f.__name__: f
  for f in (
    train,
    evaluate,
    sample,
    export,
    label,
    judge,
    report,
    search,
    plan,
    methods,
  )
}


def _first(
  arguments: Sequence[str], command: str, what: str
) -> tuple[str, Sequence[str]]:
  if not arguments or arguments[0] in ("-h", "--help"):
    if arguments:
      print(USAGE)
      raise SystemExit(0)
    raise UserError(f"jaxrl {command} needs {what}; `jaxrl methods` lists the configs")
  return arguments[0], arguments[1:]


def _config_of(name: str) -> config_lib.Config:
  """The config of a run directory, or a config by its name."""
  path = pathlib.Path(name)
  if path.is_dir():
    if not (path / "config.json").exists():
      raise UserError(f"{path} is no run directory: it has no config.json")
    return config_lib.from_json(path / "config.json")
  return config_lib.load(name)


def main(arguments: Sequence[str] | None = None) -> int:
  """Runs a command; 2 after an error that is the user's to mend."""
  arguments = sys.argv[1:] if arguments is None else list(arguments)
  if not arguments or arguments[0] in ("-h", "--help"):
    print(USAGE)
    return 0
  try:
    if arguments[0] not in COMMANDS:
      raise UserError(
        f"no command {arguments[0]!r}{near_match(arguments[0], COMMANDS)}"
      )
    COMMANDS[arguments[0]](arguments[1:])
  except (UserError, ModelError) as error:
    print(f"jaxrl: {' '.join(str(error).split())}", file=sys.stderr)
    return 2
  return 0


if __name__ == "__main__":
  sys.exit(main())

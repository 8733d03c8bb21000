"""Command-line overrides of a config: `--steps 5 --loss.clip-high 0.28`.

The flags are made from the config itself: its typed fields, and for each stage the
hyper-parameters in the signature of the method that it names. `--loss.name gspo` takes
another method; `--regularizers kl_k3 entropy` says which of the several there are.
"""

import contextlib
import dataclasses
import io
import re
from collections.abc import Sequence
from typing import Any

import tyro

from jaxrl.config import MANY, ONE, Config, Spec, resolve
from jaxrl.errors import UserError
from jaxrl.pick import hyper_parameters, load


def apply(config: Config, arguments: Sequence[str]) -> Config:
  """`config` with the overrides in `arguments`.

  Raises:
    UserError: an unknown flag (with the nearest one) or a value of a wrong type.
    SystemExit: after printing help, where `--help` is among the arguments.
  """
  config, arguments = _choose_methods(resolve(config), list(arguments))
  default = _typed(config)
  chosen = parse(type(default), arguments, default=default)
  changes = {f.name: getattr(chosen, f.name) for f in dataclasses.fields(Config)}
  for field in ONE:
    changes[field] = dataclasses.asdict(changes[field])
  for field in MANY:
    changes[field] = tuple(dataclasses.asdict(spec) for spec in changes[field])
  return resolve(Config(**changes))


def parse(cls: Any, arguments: Sequence[str], **options: Any) -> Any:
  """tyro's parser, whose complaints become one line."""
  printed = io.StringIO()
  try:
    with contextlib.redirect_stderr(printed):
      # Booleans are written out, `--model.chat False`, as every other value is.
      style = (tyro.conf.FlagConversionOff,)
      return tyro.cli(cls, args=list(arguments), config=style, **options)
  except SystemExit as stop:
    if stop.code in (0, None):
      raise
    raise UserError(_one_line(printed.getvalue())) from stop


def _one_line(box: str) -> str:
  """What a box of tyro's says, without frame, title and pointers to help."""
  parts = [""]
  # The first line is the title; a box is drawn in ASCII where UTF-8 cannot be shown.
  for line in box.strip().splitlines()[1:]:
    text = re.sub(r"[\u2500-\u257f]+|-{5,}", " ", line).strip()
    if text.startswith("For full helptext"):
      break
    if text:
      parts[-1] = f"{parts[-1]} {text}".strip()
    elif parts[-1]:
      parts.append("")
  return "; ".join(part for part in parts if part)


def _choose_methods(config: Config, arguments: list[str]) -> tuple[Config, list[str]]:
  """Takes `--loss.name X` and `--regularizers X Y` out of the arguments, first of all.

  Which other flags exist depends on them.
  """
  changes: dict[str, Any] = {}
  rest = []
  while arguments:
    flag, has_value, value = arguments.pop(0).partition("=")
    field = flag.removeprefix("--").removesuffix(".name").replace("-", "_")
    if flag.startswith("--") and flag.endswith(".name") and field in ONE:
      if not has_value and not arguments:
        raise UserError(f"{flag} needs the name of a method")
      name = value if has_value else arguments.pop(0)
      if name != getattr(config, field)["name"]:
        changes[field] = {"name": name}
    elif flag.startswith("--") and field in MANY and not flag.endswith(".name"):
      chosen = [value] if has_value else []
      while arguments and not arguments[0].startswith("--"):
        chosen.append(arguments.pop(0))
      known: dict[str, Spec] = {spec["name"]: spec for spec in getattr(config, field)}
      changes[field] = tuple(known.get(name, {"name": name}) for name in chosen)
    else:
      rest.append(flag + has_value + value)
  return dataclasses.replace(config, **changes), rest


def _typed(config: Config) -> Any:
  """The config as an instance of a dataclass whose stages are typed dataclasses too."""
  fields: list[tuple[str, Any, Any]] = []
  for field in dataclasses.fields(Config):
    value = getattr(config, field.name)
    kind: Any = field.type
    if field.name in ONE:
      value = _typed_spec(ONE[field.name], value)
      kind = type(value)
    elif field.name in MANY:
      value = tuple(_typed_spec(MANY[field.name], spec) for spec in value)
      types: Any = tuple(type(spec) for spec in value)
      kind = tuple[types] if types else tyro.conf.Fixed[tuple[()]]  # type: ignore
    fields.append((field.name, kind, dataclasses.field(default=value)))
  cls = dataclasses.make_dataclass("Config", fields, frozen=True)
  return cls()


def _typed_spec(kind: str, spec: Spec) -> Any:
  types = hyper_parameters(load(kind, spec["name"]))
  fields: list[tuple[str, Any, Any]] = [
    ("name", tyro.conf.Fixed[str], dataclasses.field(default=spec["name"]))
  ]
  for key, (hint, default) in types.items():
    missing = tyro.MISSING if default is ... else default
    fields.append((key, hint, dataclasses.field(default=spec.get(key, missing))))
  return dataclasses.make_dataclass(spec["name"].split(":")[-1], fields, frozen=True)()

"""Name -> function. The folder is the registry.

`pick("losses", "gspo", clip_low=1e-3)` is the function `gspo` of jaxrl/losses/gspo.py
with that hyper-parameter bound. A user's own function is named "module:function" or
"path/to/file.py:function". `call(method, outputs, batch)` gives a method the arrays
that its positional parameters name.
"""

import functools
import importlib
import importlib.util
import inspect
import pathlib
import pkgutil
import sys
import typing
from collections.abc import Callable
from typing import Any

import jax
import typeguard

from jaxrl.errors import UserError, near_match

STAGES = (
  "tasks",
  "curricula",
  "explore",
  "rewards",
  "advantages",
  "value_targets",
  "selectors",
  "features",
  "corrections",
  "losses",
  "regularizers",
  "reductions",
  "controllers",
  "optimizers",
  "schedules",
  "prm/steps",
  "prm/labels",
  "prm/trees",
  "prm/queries",
  "prm/objectives",
  "prm/readouts",
  "prm/scores",
  "prm/reweighting",
  "search/strategies",
)


def names(kind: str) -> list[str]:
  """Every method of a kind, found by looking in its folder."""
  package = importlib.import_module(f"jaxrl.{kind.replace('/', '.')}")
  return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def load(kind: str, name: str) -> Callable:
  """The function called `name`; UserError with the nearest name if there is none.

  "folder/name" is a method of another folder that serves in this place too, such as a
  loss that is added as a regularizer.
  """
  if ":" in name:
    return _load_reference(kind, name)
  folder, slash, rest = name.rpartition("/")
  if slash and folder in STAGES:
    return load(folder, rest)
  path = f"jaxrl.{kind.replace('/', '.')}.{name}"
  # Not `names`: a config is looked up a hundred times, and that reads the folder.
  if not name.isidentifier() or importlib.util.find_spec(path) is None:
    raise UserError(
      f"no {name!r} in jaxrl/{kind}{near_match(name, names(kind))}; "
      "your own function is written as 'file.py:function'"
    )
  return getattr(importlib.import_module(path), name)


def load_file(path: pathlib.Path) -> Any:
  """Imports a Python file by its path; the same file is imported once."""
  path = path.resolve()
  name = f"jaxrl_user_{path.stem}_{abs(hash(str(path))):x}"
  if name not in sys.modules:
    if not path.exists():
      raise UserError(f"no file {path}")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    try:
      spec.loader.exec_module(module)
    except BaseException:
      del sys.modules[name]
      raise
  return sys.modules[name]


def _load_reference(kind: str, reference: str) -> Callable:
  where, _, attribute = reference.rpartition(":")
  if where.endswith(".py"):
    module = load_file(pathlib.Path(where))
  else:
    try:
      module = importlib.import_module(where)
    except ModuleNotFoundError as error:
      raise UserError(f"{kind}: cannot import {where!r}: {error}") from error
  if not hasattr(module, attribute):
    functions = [n for n, v in vars(module).items() if inspect.isfunction(v)]
    raise UserError(f"no {attribute!r} in {where}{near_match(attribute, functions)}")
  return getattr(module, attribute)


def hyper_parameters(fn: Callable) -> dict[str, tuple[Any, Any]]:
  """Keyword-only parameters of a method: name -> (type, default or `...`)."""
  hints = typing.get_type_hints(fn)
  return {
    name: (hints.get(name, Any), ... if p.default is p.empty else p.default)
    for name, p in inspect.signature(fn).parameters.items()
    if p.kind is p.KEYWORD_ONLY
  }


def pick(kind: str, name: str, **hparams: Any) -> functools.partial:
  """Binds `hparams`; an unknown name, key or a wrong type fails here, not mid-run."""
  fn = load(kind, name)
  known = hyper_parameters(fn)
  for key, value in hparams.items():
    where = f"{kind}/{name}"
    if key not in known:
      raise UserError(f"{where} has no hyper-parameter {key!r}{near_match(key, known)}")
    # A traced number is a hyper-parameter that a sweep maps over.
    if not isinstance(value, jax.Array):
      check_type(f"{where}: {key}", value, known[key][0])
  for key, (_, default) in known.items():
    if default is ... and key not in hparams:
      raise UserError(f"{kind}/{name} needs a value for {key!r}")
  return functools.partial(fn, **hparams)


def check_type(where: str, value: Any, expected: Any) -> None:
  """UserError where a value is not of a type; an int is a float, a bool is neither."""
  try:
    if isinstance(value, bool) and expected in (int, float):
      raise typeguard.TypeCheckError("is a bool")
    typeguard.check_type(
      value,
      expected,
      collection_check_strategy=typeguard.CollectionCheckStrategy.ALL_ITEMS,
    )
  except typeguard.TypeCheckError as error:
    wanted = getattr(expected, "__name__", str(expected))
    if typing.get_origin(expected) is not None:
      wanted = str(expected).replace("typing.", "")
    raise UserError(f"{where} must be {wanted}, got {value!r}") from error


def name_of(method: Callable) -> str:
  """The name of a method's function."""
  return getattr(method, "func", method).__name__


def needs(*methods: Callable) -> tuple[str, ...]:
  """Names of the arrays that methods read: their positional parameters."""
  found = [
    name
    for method in methods
    for name, p in inspect.signature(method).parameters.items()
    if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
  ]
  return tuple(dict.fromkeys(found))


def all_needs(*methods: Callable) -> tuple[str, ...]:
  """`needs`, and what the features among them need in turn."""
  found = needs(*methods)
  features = [load("features", name) for name in found if name in names("features")]
  return tuple(dict.fromkeys((*found, *all_needs(*features)))) if features else found


def call(method: Callable, *structs: Any, **changed: Any) -> Any:
  """Calls a method with the arrays it names, looked up in `structs` in order.

  A name that is no field of a struct is a file of jaxrl/features, computed on the spot
  unless the train step already has. `changed` are hyper-parameters of this call.

  Raises:
    UserError: an array that the method names is in none of them, or was not filled in.
  """
  arrays = []
  for name in needs(method):
    value = _find(name, structs)
    if value is None:
      raise UserError(
        f"{name_of(method)} reads {name!r}, which nothing in this run fills in"
      )
    arrays.append(value)
  return method(*arrays, **changed)


def _find(name: str, structs: tuple[Any, ...]) -> Any:
  for struct in structs:
    if hasattr(struct, name):
      return getattr(struct, name)
    if name in getattr(struct, "features", ()):
      return struct.features[name]
  return call(load("features", name), *structs) if name in names("features") else None

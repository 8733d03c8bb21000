"""Budgets that keep the code readable, imports that run one way, whole docs."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FOLDERS = ("jaxrl", "models", "configs", "tests")
FILES = sorted(
  path
  for folder in FOLDERS
  for path in (ROOT / folder).rglob("*.py")
  if not any(parent.is_symlink() for parent in path.parents)
)
STAGE_FILES = ("advantages", "losses", "reductions", "regularizers", "rewards")
# Named exceptions: what, and why.
LONG: dict[str, str] = {}
MANY_PARAMETERS = {
  "jaxrl/tasks/reasoning_gym.py": "its hyper-parameters are the task's flags",
  "jaxrl/tasks/hierarchical_steps.py": "its hyper-parameters are the task's flags",
  "jaxrl/rollout.py": "prepare: those of `sample`, and the length of the cache",
  "jaxrl/sampler.py": "generate: those of `sample`, and who is told",
}


def relative(path):
  return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_budgets(path):
  text = path.read_text()
  name = relative(path)
  limit = 400
  if path.parts[-2] in STAGE_FILES:
    limit = 120
  if path.parts[-2] == "configs":
    limit = 60
  assert len(text.splitlines()) <= limit or name in LONG, f"{name} over {limit} lines"
  for node in ast.walk(ast.parse(text)):
    if isinstance(node, ast.FunctionDef):
      where = f"{name}:{node.lineno} {node.name}"
      assert node.end_lineno - node.lineno < 60, f"{where} is over 60 lines"
      arguments = node.args.args + node.args.kwonlyargs
      count = len([a for a in arguments if a.arg not in ("self", "cls")])
      assert count <= 8 or name in MANY_PARAMETERS, f"{where} has {count} parameters"


def imports(path):
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.ImportFrom):
      yield from (f"{node.module}.{alias.name}" for alias in node.names)
    if isinstance(node, ast.Import):
      yield from (alias.name for alias in node.names)


def test_models_know_nothing_of_the_library():
  for path in (ROOT / "models").glob("*.py"):
    for name in imports(path):
      if name.startswith("jaxrl"):
        assert name.startswith("jaxrl.models"), f"{path.name} imports {name}"


LAYERS = (  # each may import only from those before it
  ("errors", "types", "masked", "segments", "kl", "problems", "token_arithmetic"),
  ("off_policy", "replay", "packing", "drawing", "lookup", "compilation"),
  ("slices",),
  ("sandbox_limits", "sandbox_frames"),
  ("sandbox_program", "sandbox_worker", "pick", "accuracy", "metrics"),
  ("config_checks", "config_parts"),
  ("sandbox", "config", "rollout", "scoring", "uncertainty", "curves"),
  ("sampler",),
  ("prompts", "credit", "policy", "objective", "report", "overrides", "catalogue"),
  ("train_step", "layout"),
  ("build", "checkpoints", "signals"),
  ("draw",),
  ("collect",),
  ("evaluate",),
  ("loop", "serve"),
  ("plan_batch",),
  ("plan",),
  ("plan_text",),
  ("cli",),
)


def test_imports_run_one_way():
  rank = {name: i for i, layer in enumerate(LAYERS) for name in layer}
  modules = {p.stem for p in (ROOT / "jaxrl").glob("*.py")} - {"__init__"}
  assert modules == set(rank), "a new module needs a place in LAYERS"
  for name in modules:
    for target in imports(ROOT / "jaxrl" / f"{name}.py"):
      part = re.match(r"jaxrl\.(\w+)", target)
      if part and part.group(1) in rank and part.group(1) != name:
        assert rank[part.group(1)] <= rank[name], f"{name} imports {target}"


@pytest.mark.parametrize("kind", STAGE_FILES)
def test_methods_import_primitives_only(kind):
  allowed = ("jaxrl.masked", "jaxrl.segments", "jaxrl.kl", "jaxrl.types")
  for path in (ROOT / "jaxrl" / kind).glob("*.py"):
    for name in imports(path):
      if name.startswith("jaxrl"):
        known = name.startswith(allowed) or name.removeprefix("jaxrl.") in (
          "masked",
          "segments",
          "kl",
        )
        assert known, f"{path.name} imports {name}"


def test_one_gradient_one_loop():
  """jax.grad stands in train_step alone."""
  owners = {r"jax\.(value_and_)?grad\(": {"train_step.py"}}
  for pattern, files in owners.items():
    for path in (ROOT / "jaxrl").glob("*.py"):
      if re.search(pattern, path.read_text()):
        assert path.name in files, f"{path.name} has {pattern}"


def test_docs_name_no_file_that_is_not_there():
  for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
      assert (page.parent / target).exists(), f"{page.name} links to {target}"

"""What there is: every method, read from the folders and their docstrings."""

import ast
import importlib.util
import pathlib
import re

from jaxrl import config as config_lib
from jaxrl.pick import STAGES, names


def docstring(module: str) -> str:
  """A module's docstring, read without importing it."""
  spec = importlib.util.find_spec(module)
  assert spec is not None and spec.origin is not None
  tree = ast.parse(pathlib.Path(spec.origin).read_text())
  # Not cleaned: that would take away the indentation that marks formulas.
  return ast.get_docstring(tree, clean=False) or ""


def link(text: str) -> str:
  """The first link of a docstring; "" without one."""
  found = re.search(r"https?://[^\s,)>]+", text)
  return found.group().rstrip(".;:") if found else ""


def title(text: str) -> str:
  """The first sentence of a docstring, without its link."""
  sentence = re.split(r"(?<=[a-z0-9)`?])[.?](?:\s|$)", text.strip(), maxsplit=1)[0]
  return re.sub(r",?\s*https?://\S+", "", " ".join(sentence.split()))


def formula(text: str) -> str:
  """The indented lines of a docstring, which are its formulas; "" without any."""
  lines = [line for line in text.splitlines() if line.startswith("  ")]
  return "\n".join(line[2:] for line in lines)


def page() -> str:
  """The text of docs/methods.md."""
  head = "# Methods and configs\n\nMade by `python -m jaxrl.catalogue`; do not edit.\n"
  return f"{head}\n{table()}\n"


def table() -> str:
  """All stages' methods and all configs as a Markdown table."""
  lines = ["| stage | name | what | source |", "| --- | --- | --- | --- |"]
  rows = [
    (stage, name, f"jaxrl.{stage}.{name}") for stage in STAGES for name in names(stage)
  ]
  rows += [("configs", name, f"jaxrl.configs.{name}") for name in config_lib.names()]
  for stage, name, module in rows:
    text = docstring(module)
    lines.append(f"| {stage} | {name} | {title(text)} | {link(text)} |")
  return "\n".join(lines)


if __name__ == "__main__":
  pathlib.Path("docs/methods.md").write_text(page())

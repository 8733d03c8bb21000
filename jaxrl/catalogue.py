"""What there is: methods and configs, read from the folders and their docstrings."""

import ast
import dataclasses
import functools
import importlib.util
import os
import pathlib
import re
from typing import Any

import jaxrl
from jaxrl import config as config_lib
from jaxrl.config import MANY, ONE, Config, Spec, bind
from jaxrl.errors import UserError, near_match
from jaxrl.pick import STAGES, all_needs, hyper_parameters, load, names

ROOT = pathlib.Path(jaxrl.__path__[0]).resolve().parent
# What makes a method of a paper; the rest of a config is its size and its problems.
PARTS = (
  *("advantage", "loss", "corrections", "regularizers", "reduction", "selectors"),
  *("refill", "rewards", "controllers", "curriculum", "value_target", "value_loss"),
  *("explore", "cut", "tree", "query", "labels", "readout", "search", "score"),
  *("prm_loss", "reweighting", "meta_loss"),
)
SETTINGS = (
  *("epochs_per_batch", "mini_batches", "old_logp", "replay_groups", "prm_update"),
)
CRITIC = ("value_target", "value_loss", "critic_optimizer", "critic_schedule")
LABELLING = ("labels_of", "tree", "query", "labels", "readout")
SEARCH = ("search", "score")
ONLINE = ("prm_loss", "prm_optimizer", "prm_schedule")
META = ("reweighting", "meta", "meta_loss", "meta_optimizer", "meta_schedule")


# --- docstrings ---------------------------------------------------------------------


def docstring(module: str) -> str:
  """A module's docstring, read without importing it."""
  spec = importlib.util.find_spec(module)
  assert spec is not None and spec.origin is not None
  return _docstring(pathlib.Path(spec.origin).read_text())


def _docstring(source: str) -> str:
  # Not cleaned: that would take away the indentation that marks formulas.
  return ast.get_docstring(ast.parse(source), clean=False) or ""


def link(text: str) -> str:
  """The first link of a docstring; "" without one."""
  found = re.search(r"https?://[^\s,)>]+", text)
  return found.group().rstrip(".;:") if found else ""


def title(text: str) -> str:
  """The first sentence of a docstring, without its link."""
  sentence = re.split(
    r"(?<=[a-z0-9)`?])(?<!\bDr)[.?](?:\s|$)", text.strip(), maxsplit=1
  )[0]
  return re.sub(r",?\s*https?://\S+", "", " ".join(sentence.split())).rstrip(".")


def formula(text: str) -> str:
  """The indented lines of a docstring, which are its formulas; "" without any."""
  # Blocks stay apart; an indented line right under prose belongs to an enumeration.
  blocks = re.findall(r"(?:(?<=\n\n)|(?<=:\n))((?:  .*(?:\n|\Z))+)", text)
  return "\n\n".join(re.sub(r"^  ", "", b.rstrip(), flags=re.M) for b in blocks)


def line(text: str, word: str) -> str:
  """What follows "Run:" or another word in a docstring; "" without it."""
  pattern = rf"^{word}: *(.*?)(?=^[A-Z]\w*: |^\s*$|\Z)"
  found = re.search(pattern, text, flags=re.MULTILINE | re.DOTALL)
  return " ".join(found.group(1).replace("\\\n", " ").split()) if found else ""


def ids(text: str) -> list[str]:
  """The names on the lines "Id: one, two" of a docstring."""
  found = re.findall(r"^Id:(.*)$", text, flags=re.MULTILINE)
  return [word.strip() for words in found for word in words.split(",") if word.strip()]


# --- methods and configs ------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Entry:
  """A method of a stage, or a config."""

  stage: str  # "configs" for a config
  name: str

  @property
  def path(self) -> str:
    """How it is named among all: "losses/gspo", and a config by its name."""
    return self.name if self.stage == "configs" else f"{self.stage}/{self.name}"

  @property
  def text(self) -> str:
    """Its docstring."""
    return docstring(f"jaxrl.{self.stage}.{self.name}".replace("/", "."))


def entries() -> list[Entry]:
  """Every method, stage by stage, then every config."""
  methods = [Entry(stage, name) for stage in STAGES for name in names(stage)]
  return [*methods, *(Entry("configs", name) for name in config_lib.names())]


@functools.cache
def _loaded(name: str) -> Config:
  return config_lib.load(name)


@functools.cache
def _default() -> Config:
  return config_lib.resolve(Config())


def parts(config: Config) -> dict[str, str]:
  """Field -> its methods or value, of those that differ from the defaults."""
  fields = (*PARTS, *SETTINGS)
  changed = [f for f in fields if getattr(config, f) != getattr(_default(), f)]
  return {
    f: (_shown(config, f) or "none") if f in PARTS else str(getattr(config, f))
    for f in changed
  }


def _defaults() -> str:
  """What a config has where it says nothing."""
  left_out = (*CRITIC, *LABELLING, *SEARCH, *ONLINE, *META, "cut")
  fields = [field for field in PARTS if field not in left_out]
  shown = {field: _shown(_default(), field) for field in fields}
  return ", ".join(f"{field} {method}" for field, method in shown.items() if method)


def _shown(config: Config, field: str, whole: bool = False) -> str:
  """The methods of a field, with the hyper-parameters that were set, or all."""
  value = getattr(config, field)
  specs = value if field in MANY else (value,)
  return ", ".join(_spec_text({**MANY, **ONE}[field], s, whole) for s in specs)


def _spec_text(kind: str, spec: Spec, whole: bool) -> str:
  known = hyper_parameters(load(kind, spec["name"]))
  shown = [
    f"{key}={value!r}"
    for key, value in spec.items()
    if key != "name" and (whole or value != known[key][1])
  ]
  return spec["name"] + (f"({', '.join(shown)})" if shown else "")


def _needs(config: Config) -> set[str]:
  """The arrays that the methods of a step name."""
  steps = ("rewards", "advantage", "selectors", "loss", "regularizers", "corrections")
  methods = [bind(config, field) for field in steps]
  flat = [m for ms in methods for m in (ms if isinstance(ms, tuple) else (ms,))]
  return set(all_needs(*flat))


def _fields(config: Config) -> list[str]:
  """The fields whose methods run: the critic's, a PRM's and a search's where one is."""
  needs = _needs(config)
  recorded = config.explore["name"] == "recorded"
  left_out = () if needs & {"values_old", "returns"} else CRITIC
  if not recorded:
    left_out = (*left_out, *LABELLING)
  in_training = needs & {"step_scores", "step_scored", "steps", "prm_log_ratio"}
  if not recorded and not in_training:
    left_out = (*left_out, "cut")
  if config.prm is None or in_training:  # a model of steps that only a search reads
    left_out = (*left_out, *SEARCH)
  if config.prm_update == "never":
    left_out = (*left_out, *ONLINE)
  if not config.reweighting:
    left_out = (*left_out, *META)
  return [field for field in (*ONE, *MANY) if field not in left_out]


def used(config: Config) -> set[str]:
  """The paths of all methods that a config runs."""
  needs = _needs(config)
  found = {f"features/{name}" for name in names("features") if name in needs}
  for field in _fields(config):
    kind, value = {**ONE, **MANY}[field], getattr(config, field)
    for spec in value if field in MANY else (value,):
      name = spec["name"]
      found.add(name if name.rpartition("/")[0] in STAGES else f"{kind}/{name}")
  return found


def users() -> dict[str, list[str]]:
  """Path of a method -> the configs that use it."""
  found: dict[str, list[str]] = {}
  for name in config_lib.names():
    for path in used(_loaded(name)):
      found.setdefault(path, []).append(name)
  return found


def parameters(entry: Entry) -> list[str]:
  """A method's hyper-parameters as in its signature."""
  shown = []
  for key, (hint, default) in hyper_parameters(load(entry.stage, entry.name)).items():
    kind = hint.__name__ if isinstance(hint, type) else str(hint)
    kind = kind.replace("typing.", "")
    shown.append(f"{key}: {kind}" + ("" if default is ... else f" = {default!r}"))
  return shown


# --- for the terminal ---------------------------------------------------------------


def listing() -> str:
  """Every stage with its methods, and every config with its parts."""
  lines: list[str] = []
  stage = ""
  width = max(len(entry.name) for entry in entries())
  for entry in entries():
    if entry.stage != stage:
      stage = entry.stage
      lines += ["", stage] if lines else [stage]
      if stage == "configs":
        lines.append(f"  where nothing else is said: {_defaults()}")
    lines.append(f"  {entry.name:<{width}}  {title(entry.text)}")
    if stage == "configs":
      changed = [f"{f} {shown}" for f, shown in parts(_loaded(entry.name)).items()]
      lines += [f"  {'':<{width}}    {'; '.join(changed)}"] if changed else []
  return "\n".join(lines)


def describe(name: str) -> str:
  """Docstring and hyper-parameters of every method and config of that name.

  Raises:
    UserError: there is none; with the nearest name.
  """
  named = lambda e: (e.path, e.name, f"{e.stage}/{e.name}")
  found = [entry for entry in entries() if name in named(entry)]
  if not found:
    known = [word for e in entries() for word in (e.path, e.name)]
    near = near_match(name, known)
    # Not the list of all there is: it has hundreds of names.
    near = near if "did you mean" in near else "; `jaxrl methods` lists all"
    raise UserError(f"no method and no config {name!r}{near}")
  return "\n\n".join(_described(entry) for entry in found)


def _described(entry: Entry) -> str:
  if entry.stage != "configs":
    shown = parameters(entry)
    what = "Hyper-parameters:" if shown else "No hyper-parameters."
  else:
    config = _loaded(entry.name)
    fields = [field for field in _fields(config) if getattr(config, field)]
    shown = [f"{field}: {_shown(config, field, whole=True)}" for field in fields]
    what = "Methods:"
  lines = [f"{entry.stage}/{entry.name}", "", entry.text.strip(), "", what]
  return "\n".join((*lines, *(f"  {text}" for text in shown)))


def implemented() -> dict[str, list[str]]:
  """Id -> the files whose docstrings have it, in all of jaxrl and the configs."""
  found: dict[str, list[str]] = {}
  files = set()
  # jaxrl/configs and jaxrl/models may be links: each file once, by its real place.
  for folder, _, inside in os.walk(jaxrl.__path__[0], followlinks=True):
    files |= {(pathlib.Path(folder) / f).resolve() for f in inside if f.endswith(".py")}
  for file in sorted(files):
    source = file.read_text()
    for word in ids(_docstring(source)) if "Id:" in source else ():
      found.setdefault(word, []).append(str(file.relative_to(ROOT)))
  return found


def coverage(path: pathlib.Path) -> str:
  """A line "id, covered or missing, files" for each line of a table with ids.

  Raises:
    UserError: the file cannot be read, or its first column is not `id`.
  """
  try:
    head, *rows = path.read_text(encoding="utf-8").splitlines() or [""]
  except (OSError, ValueError) as error:
    raise UserError(f"cannot read {path}: {error}") from error
  if head.split("\t")[0] != "id":
    raise UserError(f"{path}: the first column must be named 'id'; it is {head[:20]!r}")
  files = implemented()
  words = [row.split("\t")[0] for row in rows if row.strip()]
  return "\n".join(
    f"{word}\t{'covered' if word in files else 'missing'}\t"
    + " ".join(files.get(word, ()))
    for word in words
  )


# --- docs/methods.md ----------------------------------------------------------------


def page() -> str:
  """The text of docs/methods.md."""
  uses, stages = users(), [stage for stage in STAGES if names(stage)]
  every = [Entry("configs", name) for name in config_lib.names()]
  presets = [entry for entry in every if entry.name.startswith("presets/")]
  blocks = [
    "# Methods and configs",
    "Made by `python -m jaxrl.catalogue`; do not edit.",
    " · ".join(f"[{s}](#{_anchor(s)})" for s in ("configs", "presets", *stages)),
    "## configs",
    f"Where a row says nothing else: {_defaults()}. With a critic, there where "
    "a method names `values_old` or `returns`, also value_target "
    f"{_shown(_default(), 'value_target')}, value_loss "
    f"{_shown(_default(), 'value_loss')}. Any method by itself, in place of that of "
    "[base](../configs/base.py): `jaxrl train losses/gspo`.",
    _config_table([entry for entry in every if entry not in presets]),
    "## presets",
    _config_table(presets) if presets else "None yet.",
  ]
  for stage in stages:
    methods = [Entry(stage, name) for name in names(stage)]
    blocks += [f"## {stage}", _stage_table(methods, uses)]
    blocks += [_section(entry, uses.get(entry.path, [])) for entry in methods]
  return "\n\n".join(blocks) + "\n"


def _config_table(configs: list[Entry]) -> str:
  lines = [
    "| name | what | parts | paper | command |",
    "| --- | --- | --- | --- | --- |",
  ]
  for entry in configs:
    text = entry.text
    changed = parts(_loaded(entry.name)).items()
    shown = "; ".join(f"{field} `{_cell(value)}`" for field, value in changed)
    paper = _paper(link(line(text, "Paper")) or link(text))
    run = line(text, "Run")
    name = f"[{entry.name}](../configs/{entry.name}.py)"
    command = f"`{_cell(run)}`" if run else ""
    lines.append(f"| {name} | {_cell(title(text))} | {shown} | {paper} | {command} |")
  return "\n".join(lines)


def _stage_table(methods: list[Entry], uses: dict[str, list[str]]) -> str:
  lines = ["| name | what | paper | used by |", "| --- | --- | --- | --- |"]
  for entry in methods:
    name, by = f"[{entry.name}](#{_anchor(entry.path)})", uses.get(entry.path, [])
    what, paper = _cell(title(entry.text)), _paper(link(entry.text))
    lines.append(f"| {name} | {what} | {paper} | {_by(by)} |")
  return "\n".join(lines)


def _section(entry: Entry, by: list[str]) -> str:
  text, paper = entry.text, link(entry.text)
  blocks = [f"### {entry.path}"]
  blocks.append(f"{_cell(title(text))}. {f'<{paper}>' if paper else ''}".strip())
  if formula(text):
    blocks.append(f"```text\n{formula(text)}\n```")
  files = [f"jaxrl/{entry.path}.py", f"tests/references/{entry.path}.py"]
  files = [f"[{f}](../{f})" for f in files if (ROOT / f).exists()]
  facts = [f"Files: {', '.join(files)}"]
  shown = [f"`{text}`" for text in parameters(entry)]
  facts.append(f"Hyper-parameters: {', '.join(shown) or 'none'}")
  facts.append(f"Used by: {_by(by) or 'no config'}")
  if ids(text):
    facts.append(f"Id: {', '.join(f'`{word}`' for word in ids(text))}")
  return "\n\n".join((*blocks, "\n".join(f"- {fact}" for fact in facts)))


def _by(configs: list[str]) -> str:
  """The configs, or what they have in common where that is shorter."""
  rest = [name for name in config_lib.names() if name not in configs]
  if len(rest) > len(configs) or len(configs) <= 8:
    return ", ".join(f"`{name}`" for name in configs)
  return "all" + (" but " if rest else "") + ", ".join(f"`{name}`" for name in rest)


def _anchor(heading: str) -> str:
  """The address that Markdown viewers give to a heading."""
  return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _paper(url: str) -> str:
  """A link under a short name."""
  name = re.sub(r"^https?://(www\.)?(arxiv\.org/abs/)?", "", url).split("/")[0]
  return f"[{name}]({url})" if url else ""


def _cell(text: Any) -> str:
  """Text that neither ends a table's cell nor starts emphasis or a tag."""
  pieces = str(text).split("`")
  pieces[::2] = [re.sub(r"([*<])", r"\\\1", piece) for piece in pieces[::2]]
  return "`".join(pieces).replace("|", "\\|")


if __name__ == "__main__":
  (ROOT / "docs" / "methods.md").write_text(page())

"""Shows that the suite notices small errors: each mutation must make a test fail.

  .venv/bin/python scripts/mutations.py [--only SUBSTRING] [--jobs N]

The mutations stand in `mutations.txt`, one under the other:

  @ path in jaxrl | kind | what is wrong then
  - old text, which stands in the file once (more lines: more old text)
  + new text
  ? pytest arguments; without this line the reference tests of the method

They are made in copies of the repository, which itself stays as it is. Only a failing
test kills a mutant: one that cannot be imported, or dies of a NameError, is an error of
the table. Exit status 1 if a mutant survives. A full run writes docs/mutations.md.
"""

import argparse
import dataclasses
import datetime
import os
import pathlib
import platform
import queue
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[1]
TABLE = pathlib.Path(__file__).with_suffix(".txt")
PAGE = ROOT / "docs" / "mutations.md"
COMMAND = ".venv/bin/python scripts/mutations.py"
# The reference tests of stages that test_methods.py does not have: a file, and a -k in
# which {} is the method.
REFERENCES = {
  "prm/labels": ("tests/prm/test_labels.py", "prm/labels-{}-hparams"),
  "prm/objectives": ("tests/prm/test_objectives.py", "its_reference and [{}-hparams"),
  "prm/queries": ("tests/prm/test_labels.py", "prm/queries-{}-hparams"),
  "prm/readouts": ("tests/prm/test_readouts.py", "its_reference and [{}]"),
  "prm/reweighting": ("tests/prm/test_reweighting.py", "its_reference and [{}]"),
  "prm/scores": ("tests/prm/test_scores.py", "its_reference and -{}-hparams"),
  "prm/steps": ("tests/prm/test_steps.py", "its_reference and [{}-hparams"),
  "prm/trees": ("tests/prm/test_trees.py", "recomputation and [{}-hparams"),
}
# Folders whose every file has a mutation.
MUST_HAVE = (
  *("losses", "advantages", "corrections", "regularizers", "reductions"),
  *REFERENCES,
  "search/strategies",
)
# What a typing error in the table raises; no test is to be credited with it.
BROKEN = re.compile(r"^E\s+(NameError|SyntaxError|IndentationError|ImportError)", re.M)


@dataclasses.dataclass(frozen=True)
class Mutation:
  """One change of one file, and the tests that should notice."""

  path: str  # in jaxrl/
  kind: str
  what: str
  old: str
  new: str
  tests: tuple[str, ...]

  @property
  def title(self) -> str:
    """One line for people, which --only searches."""
    return f"{self.path}: {self.kind}: {self.what}"


def read_table(text: str) -> list[Mutation]:
  """The mutations in their order."""
  found = []
  for block in re.split(r"^@ ", text, flags=re.M)[1:]:
    head, *lines = block.strip("\n").split("\n")
    path, kind, what = (part.strip() for part in head.split("|"))
    of = lambda mark, lines=lines: [x[2:] for x in lines if x.startswith(mark + " ")]
    unknown = [x for x in lines if x and x[:2] not in ("- ", "+ ", "? ", "# ")]
    if unknown or not of("-") or not of("+"):
      raise SystemExit(f"mutations.txt: cannot read the entry of {head}: {unknown}")
    tests = [word for line in of("?") for word in shlex.split(line)]
    if not tests:
      stage, name = path.removesuffix(".py").rsplit("/", 1)
      others = ("tests/test_methods.py", f"{stage}-{{}}-hparams")
      file, chosen = REFERENCES.get(stage, others)
      tests = [file, "-k", chosen.format(name)]
    old, new = "\n".join(of("-")), "\n".join(of("+"))
    found.append(Mutation(path, kind, what, old, new, tuple(tests)))
  return found


def check(table: list[Mutation], *, whole: bool) -> None:
  """Stops where a mutation no longer fits its file, or (if whole) a method has none."""
  errors = []
  for mutation in table:
    count = (ROOT / "jaxrl" / mutation.path).read_text().count(mutation.old)
    if count != 1:
      errors.append(f"{mutation.title}: old text found {count} times, not once")
    if mutation.old == mutation.new:
      errors.append(f"{mutation.title}: changes nothing")
  covered = {mutation.path for mutation in table}
  for stage in MUST_HAVE if whole else ():
    for path in sorted((ROOT / "jaxrl" / stage).glob("[!_]*.py")):
      if f"{stage}/{path.name}" not in covered:
        errors.append(f"{stage}/{path.name}: has no mutation")
  if errors:
    raise SystemExit("mutations.txt does not fit the code:\n  " + "\n  ".join(errors))


def copy_of_repository(folder: pathlib.Path) -> pathlib.Path:
  """A copy of what git knows or would add, from which `jaxrl` is imported."""
  listed = subprocess.run(
    ["git", "ls-files", "-coz", "--exclude-standard"],
    cwd=ROOT,
    capture_output=True,
    check=True,
    text=True,
  )
  for name in filter(None, listed.stdout.split("\0")):
    if os.path.lexists(ROOT / name):  # deleted, but not yet for git
      (folder / name).parent.mkdir(parents=True, exist_ok=True)
      shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
  seen = python(folder, "-c", "import jaxrl, tests; print(jaxrl.__file__)")
  if pathlib.Path(seen.stdout.strip()) != folder / "jaxrl" / "__init__.py":
    raise SystemExit(f"not the copy is imported but {seen.stdout}{seen.stderr}")
  return folder


def python(folder: pathlib.Path, *args: str) -> subprocess.CompletedProcess:
  """This interpreter in the copy; the path comes before an editable install."""
  # No bytecode: a file changed twice within a second would look unchanged.
  env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
  return subprocess.run(
    [sys.executable, *args], cwd=folder, env=env, capture_output=True, text=True
  )


def pytest(folder: pathlib.Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess:
  """Up to the first failure."""
  options = ["-x", "-q", "--color=no", "-rfE"]
  # A third of the start-up is the import of plugins that these tests do not use.
  for plugin in ("cacheprovider", "hypothesispytest", "anyio", "typeguard"):
    options += ["-p", f"no:{plugin}"]
  return python(folder, "-m", "pytest", *options, *tests)


def controls(table: list[Mutation]) -> list[tuple[str, ...]]:
  """Every selection of the table, joined to one pytest run a file."""
  wanted: dict[tuple[str, ...], list[str]] = {}
  for tests in dict.fromkeys(mutation.tests for mutation in table):
    split = tests.index("-k") if "-k" in tests else len(tests)
    wanted.setdefault(tests[:split], []).extend(tests[split + 1 :] or [""])
  return [
    (*files, *(("-k", " or ".join(f"({w})" for w in words)) if all(words) else ()))
    for files, words in wanted.items()
  ]


def try_mutation(folder: pathlib.Path, mutation: Mutation) -> tuple[str, float, str]:
  """("killed" | "SURVIVED" | "INVALID", seconds, the test that failed)."""
  path = folder / "jaxrl" / mutation.path
  text = path.read_text()
  start = time.monotonic()
  try:
    path.write_text(text.replace(mutation.old, mutation.new))
    done = pytest(folder, mutation.tests)
  finally:
    path.write_text(text)
  seconds = time.monotonic() - start
  if done.returncode == 0:
    return "SURVIVED", seconds, ""
  if done.returncode != 1 or BROKEN.search(done.stdout):
    return "INVALID", seconds, done.stdout[-2000:] + done.stderr[-1000:]
  failed = re.search(r"^(?:FAILED|ERROR) (?:tests/)?(\S+)", done.stdout, re.M)
  return "killed", seconds, failed.group(1) if failed else "?"


def page(rows: list[tuple[Mutation, str]]) -> str:
  """The Markdown of a full run in which every mutant was killed."""
  date = datetime.date.today().isoformat()
  cell = lambda text: text.replace("|", "\\|")
  lines = [
    "# Mutations",
    "",
    f"Made by `{COMMAND}` on {date}",
    f"({platform.system()}, {platform.machine()}, {os.cpu_count()} CPU cores).",
    "Each row is an error, written into the code on purpose, and the first test that",
    f"failed with it. {len(rows)} of {len(rows)} were noticed.",
    "",
    "| file | kind | what | killed by |",
    "| --- | --- | --- | --- |",
  ]
  for mutation, killer in rows:
    test = killer.split("[")[0].replace(".py::", ": ")
    cells = (mutation.path, mutation.kind, mutation.what, test)
    lines.append("| " + " | ".join(map(cell, cells)) + " |")
  return "\n".join(lines) + "\n"


def main() -> int:
  """The command line."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--only", default="", help="of the file, kind or what")
  parser.add_argument("--jobs", type=int, default=2)
  args = parser.parse_args()
  table = read_table(TABLE.read_text())
  chosen = [mutation for mutation in table if args.only in mutation.title]
  check(chosen, whole=chosen == table)
  start = time.monotonic()
  with (
    tempfile.TemporaryDirectory(prefix="jaxrl-mutants-") as folder,
    ThreadPoolExecutor(args.jobs) as pool,
  ):
    copies: queue.Queue[pathlib.Path] = queue.Queue()
    for job in range(args.jobs):
      copies.put(copy_of_repository(pathlib.Path(folder).resolve() / str(job)))

    def in_a_copy(fn, what):
      copy = copies.get()
      try:
        return fn(copy, what)
      finally:
        copies.put(copy)

    runs = pool.map(lambda tests: in_a_copy(pytest, tests), controls(chosen))
    for done in runs:
      if done.returncode != 0:
        print(done.stdout[-5000:], done.stderr[-2000:])
        raise SystemExit("the tests fail without any mutation")
    print(f"control passed in {time.monotonic() - start:.0f} s", flush=True)
    rows, bad = [], []
    tried = pool.map(lambda mutation: in_a_copy(try_mutation, mutation), chosen)
    for mutation, (verdict, seconds, detail) in zip(chosen, tried, strict=True):
      print(f"{verdict:8} {seconds:5.1f} s  {mutation.title}  [{detail}]", flush=True)
      if verdict == "killed":
        rows.append((mutation, detail))
      else:
        bad.append(mutation)
  seconds = time.monotonic() - start
  print(f"{len(rows)} killed, {len(bad)} not, {seconds:.0f} s with {args.jobs} jobs")
  for mutation in bad:
    print(f"  {mutation.title}")
  if not bad and chosen == table:
    PAGE.write_text(page(rows))
  return 1 if bad else 0


if __name__ == "__main__":
  sys.exit(main())

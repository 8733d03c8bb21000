"""What a run writes about itself: numbers a step, sampled completions, its machine.

A run directory holds `metrics.jsonl` (always), `samples.jsonl`, `machine.json` and, if
asked for, TensorBoard events under `tensorboard/`. Every line of a `.jsonl` file is one
JSON object with "kind" and "step"; a NaN or an infinity is null. A run resumed at step
n first removes the lines of later steps, so its files equal an uninterrupted run's.
"""

import contextlib
import datetime
import importlib
import json
import math
import os
import pathlib
import platform
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, SupportsFloat, TypedDict, runtime_checkable

from jaxrl.errors import UserError

Kind = Literal["train", "eval"]
Values = Mapping[str, SupportsFloat]  # Python, NumPy and jax scalars alike

METRICS = "metrics.jsonl"
SAMPLES = "samples.jsonl"
MACHINE = "machine.json"


class SampleRow(TypedDict):
  """One sampled completion: a line of `samples.jsonl`."""

  step: int
  kind: Kind
  question: str
  answer: str  # the reference answer
  response: str
  score: float | None  # None: the verifier could not score it
  formatted: bool  # the answer stands in the asked form
  status: str  # the verifier's word: "ok", "timeout", ...


@runtime_checkable
class Writer(Protocol):
  """Where the numbers of a run go. Step 0 is before the first update."""

  def write(self, step: int, kind: Kind, values: Values) -> None:
    """Records the values of one step; no value may be called "step" or "kind"."""

  def write_text(self, step: int, kind: Kind, text: str) -> None:
    """Shows preformatted text (a `format_table`) beside the numbers of a step."""

  def close(self) -> None:
    """Finishes the files; the writer takes no more values."""


# --- files --------------------------------------------------------------------------


@contextlib.contextmanager
def writing(path: pathlib.Path) -> Iterator[None]:
  """Turns a failed write (full disk, no permission) into one line for the user."""
  try:
    yield
  except OSError as error:
    raise UserError(
      f"cannot write {path}: {error.strerror or error}; free some space, make the "
      "folder writable or choose another output directory"
    ) from error


def replace_file(path: pathlib.Path, content: bytes) -> None:
  """Writes a whole file so that a crash leaves the old one or the new one.

  Raises:
    UserError: the folder cannot be written, or the disk is full.
  """
  temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
  with writing(path):
    try:
      with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
      temporary.replace(path)
    finally:
      temporary.unlink(missing_ok=True)


def _append(path: pathlib.Path, rows: Iterable[Mapping[str, Any]]) -> None:
  # ASCII only, so a lone surrogate in a model's text is an escape and not a crash.
  lines = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
  with writing(path), path.open("a", encoding="ascii") as file:
    file.write(lines)
    file.flush()
    # A checkpoint may outlive a power cut; the lines up to its step have to as well.
    os.fsync(file.fileno())


def _parse(line: bytes) -> dict[str, Any] | None:
  try:
    row = json.loads(line)
  except ValueError:  # also UnicodeDecodeError
    return None
  return row if isinstance(row, dict) else None


def read_jsonl(path: pathlib.Path) -> list[dict[str, Any]]:
  """The JSON objects of a file, in order. A missing file has none.

  Lines that are no JSON object are left out: a power cut leaves half a line, and what
  came before it is still good.
  """
  if not path.exists():
    return []
  rows = (_parse(line) for line in path.read_bytes().split(b"\n"))
  return [row for row in rows if row is not None]


def truncate_after(path: pathlib.Path, step: int) -> None:
  """Removes the lines of later steps and broken lines, atomically.

  Raises:
    UserError: the file cannot be replaced.
  """
  if not path.exists():
    return
  lines = path.read_bytes().split(b"\n")
  rows = ((line, _parse(line)) for line in lines)
  kept = [line for line, row in rows if row is not None and row.get("step", 0) <= step]
  content = b"".join(line + b"\n" for line in kept)
  if content != path.read_bytes():
    replace_file(path, content)


# --- writers ------------------------------------------------------------------------


def _finite(values: Values) -> dict[str, float]:
  # A curve has no place for a NaN; metrics.jsonl keeps it as null.
  numbers = {name: float(value) for name, value in values.items()}
  return {name: number for name, number in numbers.items() if math.isfinite(number)}


def _json_number(value: SupportsFloat) -> float | int | None:
  number = int(value) if isinstance(value, int) else float(value)
  return number if math.isfinite(number) else None


class JsonlWriter:
  """Appends `{"kind", "step", **values}` to `metrics.jsonl`."""

  def __init__(self, directory: pathlib.Path):
    self._path = directory / METRICS

  def write(self, step: int, kind: Kind, values: Values) -> None:
    if clash := {"step", "kind"} & set(values):
      raise ValueError(f"a metric may not be called {clash.pop()!r}")
    numbers = {name: _json_number(value) for name, value in values.items()}
    _append(self._path, [{"kind": kind, "step": step, **numbers}])

  def write_text(self, step: int, kind: Kind, text: str) -> None:
    pass  # texts have samples.jsonl

  def close(self) -> None:
    pass  # every line is on the disk when `write` returns


class TensorBoardWriter:
  """Writes TensorBoard events, tagged `kind/name`, to `directory/tensorboard`.

  It drives tensorboardX's event file itself: the thread of `SummaryWriter` dies on a
  full disk, and its bounded queue would then hang the run for ever.
  """

  def __init__(self, directory: pathlib.Path, resume_step: int | None):
    from tensorboardX.event_file_writer import EventsWriter

    self._path = directory / "tensorboard"
    with writing(self._path):
      self._path.mkdir(exist_ok=True)
      # The name has whole seconds; a quick resume needs one that sorts after it.
      self._events = EventsWriter(str(self._path / "events"), f".{time.time_ns()}")
    if resume_step is not None:
      # TensorBoard hides what earlier files say of this step and later ones.
      self._event(resume_step + 1, session_log={"status": "START"})

  def _event(self, step: int, **fields: Any) -> None:
    from tensorboardX.proto.event_pb2 import Event

    with writing(self._path):
      self._events.write_event(Event(step=step, wall_time=time.time(), **fields))
      self._events.flush()

  def write(self, step: int, kind: Kind, values: Values) -> None:
    from tensorboardX.proto.summary_pb2 import Summary

    numbers = _finite(values)
    points = [
      Summary.Value(tag=f"{kind}/{name}", simple_value=x) for name, x in numbers.items()
    ]
    self._event(step, summary=Summary(value=points))

  def write_text(self, step: int, kind: Kind, text: str) -> None:
    from tensorboardX.summary import text as text_summary

    # TensorBoard reads Markdown: indented, the text stays as it is.
    code = "\n".join("    " + line for line in text.split("\n"))
    self._event(step, summary=text_summary(f"{kind}/samples", code))

  def close(self) -> None:
    with writing(self._path):
      self._events.close()


class WandbWriter:
  """Logs to Weights & Biases; `directory/wandb_run_id` lets a resumed run go on there.

  W&B drops a log whose own step is in the past, as after a resume; so the step is a
  metric, and the axis of the others.
  """

  def __init__(self, directory: pathlib.Path, project: str):
    try:
      wandb = importlib.import_module("wandb")
    except ImportError as error:
      raise UserError(
        f"logging to W&B project {project!r} needs a package that is not installed; "
        "run: pip install jaxrl[wandb]"
      ) from error
    id_file = directory / "wandb_run_id"
    if not id_file.exists():
      replace_file(id_file, uuid.uuid4().hex.encode())
    self._run = wandb.init(
      project=project,
      name=directory.name,
      dir=str(directory),
      id=id_file.read_text(),
      resume="allow",
      config=read_json(directory / "config.json"),
    )
    self._run.define_metric("*", step_metric="step")

  def write(self, step: int, kind: Kind, values: Values) -> None:
    numbers = _finite(values)
    self._run.log({"step": step} | {f"{kind}/{name}": x for name, x in numbers.items()})

  def write_text(self, step: int, kind: Kind, text: str) -> None:
    pass  # texts stay on this machine, in samples.jsonl

  def close(self) -> None:
    self._run.finish()


class _Writers:
  def __init__(self, writers: Sequence[Writer]):
    self._writers = tuple(writers)

  def write(self, step: int, kind: Kind, values: Values) -> None:
    for writer in self._writers:
      writer.write(step, kind, values)

  def write_text(self, step: int, kind: Kind, text: str) -> None:
    for writer in self._writers:
      writer.write_text(step, kind, text)

  def close(self) -> None:
    with contextlib.ExitStack() as stack:  # one that fails does not keep others open
      for writer in self._writers:
        stack.callback(writer.close)


def open_writers(
  directory: pathlib.Path,
  *,
  tensorboard: bool,
  wandb_project: str | None,
  resume_step: int | None,
) -> Writer:
  """One writer that tells all that were asked for.

  Args:
    directory: of the run; made if missing.
    tensorboard: also write TensorBoard events.
    wandb_project: also log to this W&B project.
    resume_step: step of the checkpoint the run goes on from: lines of later steps leave
      `metrics.jsonl` and `samples.jsonl`; -1 removes all. None: a new run.

  Raises:
    UserError: the directory cannot be written; it has the metrics of another run though
      this one is new; wandb is asked for and not installed.
  """
  with writing(directory):
    directory.mkdir(parents=True, exist_ok=True)
  for path in (directory / METRICS, directory / SAMPLES):
    if resume_step is not None:
      truncate_after(path, resume_step)
    elif path.exists() and path.stat().st_size:
      raise UserError(
        f"{path} is there from an earlier run; resume that run, remove the folder or "
        "choose another output directory"
      )
  writers: list[Writer] = [JsonlWriter(directory)]  # first: its errors are the clearest
  if wandb_project is not None:  # before the events: it may refuse to start
    writers.append(WandbWriter(directory, wandb_project))
  if tensorboard:
    writers.append(TensorBoardWriter(directory, resume_step))
  return _Writers(writers)


class SampleLog:
  """Appends sampled completions to `directory/samples.jsonl`."""

  def __init__(self, directory: pathlib.Path):
    self._path = directory / SAMPLES

  def write(self, rows: Sequence[SampleRow]) -> None:
    """Appends rows; UserError if the file cannot be written."""
    _append(self._path, rows)


# --- text ---------------------------------------------------------------------------


def visible(text: str) -> str:
  """Text of a model made safe to show: no control, escape or direction characters."""
  spaces = str.maketrans({"\t": "  ", "\u00a0": " ", "\r": None})
  shown = text.replace("\r\n", "\n").translate(spaces)
  return "".join(c if c.isprintable() or c == "\n" else "�" for c in shown)


def _cell(text: str, width: int) -> str:
  line = visible(text).replace("\n", "⏎")
  if len(line) > width:  # the middle goes: the answer is at the end
    tail = width // 2
    line = line[: width - tail - 1] + "…" + line[-tail:]
  return line.ljust(width)


def format_table(rows: Sequence[Mapping[str, Any]], limit: int) -> str:
  """Sampled completions as plain text, one a line, at most `limit` of them.

  Rows are `SampleRow`s. Columns are cut in the middle to their width (158 characters a
  line in all); a new line shows as ⏎, an unscorable sample's score as its status.
  """
  widths = {"score": 8, "form": 4, "answer": 14, "question": 44, "response": 80}

  def line(cells: Mapping[str, str]) -> str:
    return "  ".join(_cell(cells[name], width) for name, width in widths.items())

  lines = [
    line({name: name for name in widths}),
    line({n: "-" * widths[n] for n in widths}),
  ]
  for row in rows[:limit]:
    score = row["score"]
    cells = {name: str(row[name]) for name in ("answer", "question", "response")}
    cells["score"] = str(row["status"]) if score is None else f"{score:.2f}"
    cells["form"] = "yes" if row["formatted"] else "no"
    lines.append(line(cells))
  if len(rows) > limit:
    lines.append(f"… and {len(rows) - limit} more")
  return "\n".join(text.rstrip() for text in lines)


# --- machine ------------------------------------------------------------------------


def read_json(path: pathlib.Path) -> dict[str, Any]:
  """The JSON object in a file; empty if missing or broken."""
  return (_parse(path.read_bytes()) if path.exists() else None) or {}


def write_machine(directory: pathlib.Path, command: str) -> None:
  """Writes `machine.json`: when, on what and by which command the run started.

  A resumed run keeps the first start's time; the rest is of the machine it goes on.

  Raises:
    UserError: the file cannot be written.
  """
  import jax

  path = directory / MACHINE
  now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
  facts = {
    "started": read_json(path).get("started", now),
    "command": command,
    "platform": platform.platform(),
    "cpus": os.cpu_count(),
    "devices": [str(device.device_kind) for device in jax.devices()],
    "jax": jax.__version__,
    "python": platform.python_version(),
  }
  replace_file(path, json.dumps(facts, indent=2).encode() + b"\n")

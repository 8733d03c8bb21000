"""A run told on one page: before and after, curves, samples, time, how to repeat it.

`write_report` reads only the files of a run directory and writes report.md, report.png
and report.html. The Markdown is the one source: the page is made from it, with picture
and style inside, so that it is one file to send and needs no network. Text of the model
is untrusted: it is escaped here, and the page allows no script.
"""

import base64
import collections
import dataclasses
import datetime
import html
import pathlib
import re
import shlex
import string
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from markdown_it import MarkdownIt

from jaxrl import accuracy, metrics
from jaxrl.curves import Row, draw_curves, number, series
from jaxrl.errors import UserError

SAMPLES_SHOWN = 8
SAMPLE_CHARACTERS = 3000  # of one text; all of it is in samples.jsonl


@dataclasses.dataclass(frozen=True)
class Run:
  """What the files of a run directory say; whatever is missing is empty."""

  name: str
  date: str
  config: Row
  machine: Row
  train: Sequence[Row]
  evals: Sequence[Row]  # by step
  samples: Sequence[Row]  # of evaluations


def load_run(directory: pathlib.Path) -> Run:
  """Reads a run directory; UserError if there is no run in it."""
  path = directory / metrics.METRICS
  config = metrics.read_json(directory / "config.json")
  if not path.exists() and not config:
    raise UserError(
      f"no run in {directory}: neither {metrics.METRICS} nor config.json is there; "
      "give the output directory of a run"
    )
  machine = metrics.read_json(directory / metrics.MACHINE)
  newest = max(file.stat().st_mtime for file in directory.iterdir())
  by_kind: dict[str, dict[int, Row]] = {"train": {}, "eval": {}}
  for row in metrics.read_jsonl(path):
    if row.get("kind") in by_kind and isinstance(row.get("step"), int):
      by_kind[row["kind"]][row["step"]] = row
  rows = {kind: [steps[i] for i in sorted(steps)] for kind, steps in by_kind.items()}
  samples = metrics.read_jsonl(directory / metrics.SAMPLES)
  return Run(
    name=str(config.get("name") or directory.resolve().name),
    date=str(machine.get("started") or datetime.date.fromtimestamp(newest))[:10],
    config=config,
    machine=machine,
    train=rows["train"],
    evals=rows["eval"],
    samples=[row for row in samples if row.get("kind") == "eval" and "step" in row],
  )


# --- Markdown -----------------------------------------------------------------------


def _md(text: Any) -> str:
  """Text as one line of Markdown that means only itself, also in a table."""
  line = html.escape(" ".join(metrics.visible(str(text)).split()), quote=False)
  return re.sub(r"([\\`*_\[\]|~])", r"\\\1", line)


def _pre(text: Any) -> str:
  """Text as it is. One line of HTML: a blank line would end the block in Markdown."""
  shown = metrics.visible(str(text))
  if len(shown) > SAMPLE_CHARACTERS:
    cut = len(shown) - SAMPLE_CHARACTERS
    shown = f"{shown[:SAMPLE_CHARACTERS]}\n… ({cut} more characters)"
  return f"<pre>{html.escape(shown)}</pre>".replace("\n", "&#10;")


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
  yield "| " + " | ".join(map(_md, head)) + " |"
  yield "|" + " --- |" * len(head)
  for row in rows:
    yield "| " + " | ".join(map(_md, row)) + " |"
  yield ""


def _rate(row: Row, key: str) -> str:
  value, low, high = (number(row.get(key + end)) for end in ("", "_low", "_high"))
  if value is None:
    return "–"
  if low is None or high is None:
    return f"{value:.1%}"
  return f"{value:.1%} ({100 * low:.1f} to {100 * high:.1f})"


def _when(row: Row) -> str:
  return "before training" if row["step"] == 0 else f"after step {row['step']}"


def _headline(run: Run) -> str:
  if not run.evals:
    return "This run has no evaluation: there is no accuracy to report."
  first, last = run.evals[0], run.evals[-1]
  names = {
    "greedy_accuracy": "Greedy accuracy",
    "mean_at_k": "Mean accuracy of the samples",
    "process_bench_f1": "F1 of the first wrong step",
  }
  known = [key for key in names if number(last.get(key)) is not None]
  key = known[0] if known else "greedy_accuracy"
  asked = number(last.get("problems"))
  questions = "unseen questions" if asked is None else f"{asked:.0f} unseen questions"
  spread = "" if number(last.get(f"{key}_low")) is None else ", with 95% intervals"
  text = f"{names[key]} on {questions}{spread}: "
  if first is last:
    return (
      f"{text}**{_rate(last, key)}** {_when(last)} (one evaluation, no comparison)."
    )
  text += (
    f"**{_rate(first, key)}** {_when(first)} → **{_rate(last, key)}** {_when(last)}."
  )
  low, high = (series([first, last], f"{key}_{end}")[1] for end in ("low", "high"))
  if len(low) == len(high) == 2 and low.max() <= high.min():
    text += " The intervals overlap: the difference may be chance."
  return text


def _results(run: Run) -> Iterator[str]:
  shown = run.evals if len(run.evals) < 2 else [run.evals[0], run.evals[-1]]
  k = number(shown[-1].get("samples_per_problem"))
  of_k = "k" if k is None else f"{k:.0f}"
  passes = {key for row in shown for key in row if re.fullmatch(r"pass_at_\d+", key)}
  tries = sorted(int(key.removeprefix("pass_at_")) for key in passes)
  rates = {
    "greedy_accuracy": "greedy accuracy",
    "greedy_formatted": "answers in the asked form",
    "greedy_accuracy_when_formatted": "accuracy among those",
    "mean_at_k": f"mean@{of_k}",
    **{f"pass_at_{n}": f"pass@{n}" for n in tries if n > 1},  # pass@1 is mean@k
    "majority_at_k": f"majority@{of_k}",
    "truncated": "answers cut off at the limit",
    "process_bench_f1": "F1 of the first wrong step",
    "process_bench_error_accuracy": "first wrong step found, of wrong solutions",
    "process_bench_correct_accuracy": "called free of errors, of right solutions",
    "step_accuracy": "steps told right from wrong",
  }
  numbers = {
    "greedy_length": "mean length, greedy, tokens",
    "length": "mean length, tokens",
    "step_auroc": "AUROC of steps",
    "ece": "expected calibration error",
    "brier": "Brier score",
    "problems": "questions",
    "unscorable": "answers no verifier could score (in no accuracy)",
  }
  table = [(label, [_rate(row, key) for row in shown]) for key, label in rates.items()]
  for key, label in numbers.items():
    cells = [number(row.get(key)) for row in shown]
    table.append((label, ["–" if x is None else f"{x:.4g}" for x in cells]))
  kept = [[label, *cells] for label, cells in table if set(cells) != {"–"}]
  yield from _table(["", *map(_when, shown)], kept)


def _verdict(row: Row) -> str:
  score = number(row.get("score"))
  if score is None:
    verdict = f"not scored ({row.get('status', 'no status')})"
  elif score >= accuracy.CORRECT:
    verdict = "✓ right"
  else:
    verdict = "✗ wrong" + (f", score {score:.2f}" if score else "")
  return verdict + ("" if row.get("formatted", True) else ", not in the asked form")


def _samples(run: Run) -> Iterator[str]:
  steps = sorted({row["step"] for row in run.samples})
  steps = steps if len(steps) < 2 else [steps[0], steps[-1]]
  first_of: dict[int, dict[str, Row]] = {step: {} for step in steps}
  for row in run.samples:
    if row["step"] in first_of:
      first_of[row["step"]].setdefault(str(row.get("question")), row)
  everywhere = [q for q in first_of[steps[0]] if all(q in first_of[s] for s in steps)]
  questions = (everywhere or list(first_of[steps[-1]]))[:SAMPLES_SHOWN]
  yield f"The first {len(questions)} logged questions, not chosen by hand."
  yield ""
  for question in questions:
    rows = [first_of[step][question] for step in steps if question in first_of[step]]
    expected = " ".join(metrics.visible(str(rows[0].get("answer"))).split())
    head = f"{_pre(question)}Expected answer: <code>{html.escape(expected)}</code>"
    yield f'<table class="sample"><tr><th colspan="{len(rows)}">{head}</th></tr><tr>'
    for row in rows:
      label = html.escape(metrics.visible(f"{_when(row)}: {_verdict(row)}"))
      label = " ".join(label.split())
      yield f'<td valign="top"><b>{label}</b>{_pre(row.get("response"))}</td>'
    yield "</tr></table>"
    yield ""


def _checks(run: Run) -> Iterator[str]:
  lost = series(run.train, "unscorable")[1]
  if len(lost):
    yield f"- Training answers no verifier could score: {lost.sum():.0f}"
  gaps = series(run.train, "sampler_gap")[1]
  if len(gaps):
    limit = number(run.config.get("sampler_gap_max"))
    allowed = "" if limit is None else f" (the run stops above {limit:g})"
    yield f"- Largest sampler gap: {gaps.max():.2g} nats{allowed}"
  statuses = collections.Counter(str(row.get("status")) for row in run.samples)
  if statuses:
    counts = ", ".join(f"{name} {count}" for name, count in statuses.most_common())
    yield f"- Verifier on the logged answers to unseen questions: {_md(counts)}"
  yield ""


def _cost(run: Run) -> Iterator[str]:
  seconds = series(run.train, "seconds")[1]
  speed = series(run.train, "tokens_per_second")[1]
  devices = collections.Counter(map(str, run.machine.get("devices") or ()))
  rows: list[tuple[str, Any]] = [("training steps", len(run.train))]
  if len(seconds):
    total = datetime.timedelta(seconds=round(seconds.sum()))
    rows.append(("time in training steps, h:mm:ss", total))
  if len(speed):
    rows.append(("tokens a second, median of the steps", f"{np.median(speed):.0f}"))
  if devices:
    names = ", ".join(f"{count} × {name}" for name, count in devices.items())
    rows.append(("devices", names))
  known = {"cpus": "CPU cores", "platform": "system", "python": "Python", "jax": "JAX"}
  rows += [(known[key], run.machine[key]) for key in known if key in run.machine]
  yield from _table(["", ""], rows)


def _flat(settings: Row, prefix: str = "") -> Iterator[tuple[str, Any]]:
  for key, value in settings.items():
    if isinstance(value, dict) and value:
      yield from _flat(value, f"{prefix}{key}.")
    else:
      yield prefix + key, value


def _settings(run: Run) -> Iterator[str]:
  methods, numbers, groups = [], [], {}
  for key, value in run.config.items():
    specs = value if isinstance(value, list) else [value]
    if specs and all(isinstance(spec, dict) and "name" in spec for spec in specs):
      for spec in specs:
        given = ", ".join(f"{k} = {v}" for k, v in _flat(spec) if k != "name")
        methods.append((key, spec["name"], given or "defaults"))
    elif isinstance(value, dict):
      groups[key] = value
    elif value not in ([], None):
      numbers.append((key, value))
  if methods:
    yield from _table(["stage", "method", "its settings"], methods)
  if numbers:
    yield from _table(["setting", "value"], numbers)
  if groups:
    yield from ("<details><summary>All other settings</summary>", "")
    yield from _table(["setting", "value"], list(_flat(groups)))
    yield from ("</details>", "")


def _reproduce(run: Run) -> Iterator[str]:
  command = run.machine.get("command") or f"jaxrl train {shlex.quote(run.name)}"
  yield "    " + " ".join(metrics.visible(str(command)).split())
  yield ""
  if run.config:
    yield "Every setting, as resolved, is in `config.json` of the run directory."


def _markdown(run: Run, picture: bool) -> str:
  """The report. Only this function says what stands in it, and in which order."""
  lines = [
    f"# {_md(run.name)}: report of the run, {_md(run.date)}",
    "",
    _headline(run),
    "",
  ]
  asked = number(run.config.get("steps"))
  if run.train and asked is not None and run.train[-1]["step"] + 1 < asked:
    done = run.train[-1]["step"]
    lines += [f"**Not finished:** the last step here is {done} of {asked:.0f}.", ""]
  if picture:
    lines += ["![Learning curves](report.png)", ""]
  else:
    lines += ["No step was recorded, so there are no curves.", ""]
  if run.evals:
    lines += ["## Before and after", "", *_results(run)]
  if run.samples:
    lines += ["## Answers, before and after", "", *_samples(run)]
  lines += ["## Time and machine", "", *_cost(run), *_checks(run)]
  if run.config:
    lines += ["## Method and settings", "", *_settings(run)]
  lines += ["## To repeat it", "", *_reproduce(run)]
  return "\n".join(lines) + "\n"


# --- page ---------------------------------------------------------------------------

# The policy is a second lock behind the escaping: nothing on the page may run or load.
PAGE = string.Template("""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
:root { --text: #1d2329; --page: #fff; --soft: #f3f5f7; --line: #d5dbe1; }
@media (prefers-color-scheme: dark) {
 :root { --text: #dfe4e9; --page: #14181c; --soft: #1f252b; --line: #3a434c; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto;
 padding: 1rem; color: var(--text); background: var(--page); }
h1 { font-size: 1.5rem; line-height: 1.25; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; }
img { width: 100%; background: #fff; border-radius: 6px; }
table { border-collapse: collapse; margin: .8rem 0; }
td, th { text-align: left; vertical-align: top; padding: .35rem .7rem;
 border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
pre { font: 13px/1.45 ui-monospace, monospace; background: var(--soft); margin: .3rem 0;
 padding: .5rem .7rem; border-radius: 5px; white-space: pre-wrap;
 overflow-wrap: anywhere; max-height: 22em; overflow: auto; }
table.sample { width: 100%; table-layout: fixed; border: 1px solid var(--line);
 margin-bottom: 1.2rem; }
@media (max-width: 40rem) { td, th { padding: .3rem .4rem; }
 .sample, .sample tbody, .sample tr, .sample td, .sample th { display: block; } }
</style></head><body>
$body</body></html>
""")


def _data_uri(picture: bytes) -> str:
  return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")


def _page(run: Run, markdown: str, wide: bytes | None, narrow: bytes | None) -> str:
  body = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
  if wide and narrow:
    # The same curves twice: below each other they can be read on a phone.
    source = f'<source media="(max-width: 40rem)" srcset="{_data_uri(narrow)}">'
    image = f'<img src="{_data_uri(wide)}" alt="Learning curves">'
    written = '<img src="report.png" alt="Learning curves" />'
    body = body.replace(written, f"<picture>{source}{image}</picture>", 1)
  return PAGE.substitute(title=html.escape(metrics.visible(run.name)), body=body)


def write_report(run_directory: pathlib.Path) -> pathlib.Path:
  """Writes report.md, report.png and report.html into a run directory.

  Works on a run that is going on or was cut off, and on what there is of the files:
  config.json, metrics.jsonl, samples.jsonl, machine.json.

  Args:
    run_directory: with config.json, metrics.jsonl or both.

  Returns:
    The path of report.html, which holds everything in one file.

  Raises:
    UserError: no run is there, or its directory cannot be written.
  """
  run = load_run(run_directory)
  heading = f"{run.name}  ·  {run.date}"
  wide, narrow = (draw_curves(heading, run.train, run.evals, n) for n in (2, 1))
  if wide:
    metrics.replace_file(run_directory / "report.png", wide)
  markdown = _markdown(run, picture=bool(wide))
  metrics.replace_file(run_directory / "report.md", markdown.encode())
  page = run_directory / "report.html"
  metrics.replace_file(page, _page(run, markdown, wide, narrow).encode())
  return page

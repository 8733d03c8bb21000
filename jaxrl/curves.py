"""The learning curves of a run as a picture: the only place that draws.

It makes matplotlib figures without pyplot, so no window and no global state.
"""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

Row = Mapping[str, Any]  # a line of metrics.jsonl

# Okabe and Ito's colours, told apart in every kind of colour blindness.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"


def series(rows: Sequence[Row], key: str) -> tuple[np.ndarray, np.ndarray]:
  """Steps and finite values of one metric; rows without it are left out."""
  known = [(row["step"], row[key]) for row in rows if number(row.get(key)) is not None]
  points = np.array(known, dtype=float).reshape(-1, 2)
  return points[:, 0], points[:, 1]


def number(value: Any) -> float | int | None:
  """The value if it is a finite number, else None."""
  finite = isinstance(value, int | float) and math.isfinite(value)
  return value if finite else None


def _smooth(values: np.ndarray) -> np.ndarray:
  """Centred mean over a tenth of the run; shorter at the ends, with no lag."""
  window = np.ones(2 * (len(values) // 20) + 1)
  counts = np.convolve(np.ones(len(values)), window, mode="same")
  return np.convolve(values, window, mode="same") / counts


def _draw_train(
  axes: Axes, rows: Sequence[Row], key: str, color: str, label: str
) -> None:
  steps, values = series(rows, key)
  if len(steps):
    axes.plot(steps, values, color=color, alpha=0.25, linewidth=1)
    marker = "." if len(steps) == 1 else None
    axes.plot(steps, _smooth(values), color=color, lw=2, label=label, marker=marker)


def _draw_eval(
  axes: Axes, rows: Sequence[Row], key: str, color: str, label: str
) -> None:
  steps, values = series(rows, key)
  if not len(steps):
    return
  style: dict[str, Any] = {
    "color": color,
    "marker": "o",
    "ms": 5,
    "lw": 1.5,
    "label": label,
  }
  bounds = [series(rows, f"{key}_{end}")[1] for end in ("low", "high")]
  if all(len(bound) == len(values) for bound in bounds):
    error = np.clip([values - bounds[0], bounds[1] - values], 0, None)
    axes.errorbar(steps, values, yerr=error, capsize=3, elinewidth=1, **style)
  else:
    axes.plot(steps, values, **style)


def _draw_reward(axes: Axes, train: Sequence[Row], evals: Sequence[Row]) -> None:
  _draw_train(axes, train, "reward", BLUE, "training reward")
  label = "greedy accuracy, unseen, 95% interval"
  _draw_eval(axes, evals, "greedy_accuracy", ORANGE, label)
  if not len(series(evals, "greedy_accuracy")[0]):
    _draw_eval(axes, evals, "mean_at_k", ORANGE, "mean@k, unseen, 95% interval")
    _draw_eval(axes, evals, "process_bench_f1", GREEN, "first-error F1, unseen")


def _draw_form(axes: Axes, train: Sequence[Row], evals: Sequence[Row]) -> None:
  _draw_train(axes, train, "formatted", BLUE, "in the asked form, training")
  _draw_eval(axes, evals, "greedy_formatted", GREEN, "in the asked form, unseen")
  key = "greedy_accuracy_when_formatted"
  _draw_eval(axes, evals, key, ORANGE, "right among those, unseen")
  axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
  axes.set_ylim(-0.03, 1.03)


def _draw_length(axes: Axes, train: Sequence[Row], evals: Sequence[Row]) -> None:
  _draw_train(axes, train, "length", BLUE, "response length, mean")
  steps, values = series(train, "truncated")
  if len(steps):
    share = axes.twinx()
    share.fill_between(steps, _smooth(values), color=ORANGE, alpha=0.3, lw=0)
    share.set(ylim=(0, 1))
    share.set_ylabel("share cut off at the limit", color=ORANGE, fontsize=9)
    share.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    share.tick_params(colors=ORANGE, labelsize=8)
    share.spines[["top", "left"]].set_visible(False)
    axes.fill_between([], [], color=ORANGE, alpha=0.3, label="cut off")
  axes.set_ylim(bottom=0)


HEALTH = {
  "entropy": (BLUE, "entropy, nats a token"),
  "kl": (GREEN, "KL to the reference, nats a token"),
  "grad_norm": (ORANGE, "gradient norm"),
  "sampler_gap": (PURPLE, "sampler gap, nats"),
}


def _draw_health(axes: Axes, train: Sequence[Row], evals: Sequence[Row]) -> None:
  for key, (color, label) in HEALTH.items():
    steps, values = series(train, key)
    if (values > 0).any():
      positive = values > 0  # a logarithmic axis has no zero
      axes.plot(steps[positive], values[positive], color=color, lw=1.3, label=label)
      axes.set_yscale("log")


# title, what the y axis counts, the metrics of which one must be there, how
PANELS = (
  (
    "Reward and accuracy",
    "reward · share right",
    ("reward", "greedy_accuracy", "mean_at_k", "process_bench_f1"),
    _draw_reward,
  ),
  (
    "Answers in the asked form",
    "share of answers",
    ("formatted", "greedy_formatted"),
    _draw_form,
  ),
  ("Response length", "tokens", ("length", "truncated"), _draw_length),
  ("Health of the optimisation", "value, log scale", tuple(HEALTH), _draw_health),
)


def draw_curves(
  heading: str, train: Sequence[Row], evals: Sequence[Row], columns: int
) -> bytes | None:
  """The learning curves as a PNG; None if no panel has anything to show.

  Args:
    heading: above all panels.
    train: training lines of metrics.jsonl, by step.
    evals: evaluation lines, by step.
    columns: panels side by side: 2 for a screen, 1 for a phone.
  """
  rows = [*train, *evals]
  panels = [p for p in PANELS if any(len(series(rows, key)[0]) for key in p[2])]
  if not panels:
    return None
  lines = -(-len(panels) // columns)
  figure = Figure(figsize=(5.4 * columns, 3.6 * lines + 0.4), layout="constrained")
  # Drawn with one font: a name it has no letters for must not stop the report.
  title = heading.encode("latin-1", "replace").decode("latin-1")
  figure.suptitle(title, fontsize=12, fontweight="bold", parse_math=False)
  for place, (title, unit, _, draw) in enumerate(panels, start=1):
    axes = figure.add_subplot(lines, columns, place)
    draw(axes, train, evals)
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_ylabel(unit, fontsize=9)
    axes.set_xlabel("step (batches of rollouts)", fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
      # Below, where it hides no curve.
      axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        ncols=2,
        fontsize=8,
        frameon=False,
      )
  buffer = io.BytesIO()
  figure.savefig(buffer, format="png", dpi=150)
  return buffer.getvalue()

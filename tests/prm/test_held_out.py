"""Labels of values, within -1..1, are compared with scores within 0..1."""

import dataclasses
import pathlib

import pytest

from jaxrl.build import build
from jaxrl.prm import held_out
from jaxrl.prm.solutions import read, to_line
from tests import tiny


@pytest.mark.parametrize("lowest", [0.0, -1.0])
def test_labels_of_values_are_read_as_such(tmp_path, lowest):
  found = read(pathlib.Path(tiny.labelled_path()))
  value = lambda y: None if y is None else 1.0 if y else lowest
  lines = (
    dataclasses.replace(one, labels=tuple(map(value, one.labels))) for one in found
  )
  path = tmp_path / "values.jsonl"
  path.write_text("".join(map(to_line, lines)))
  config = tiny.prm_config(
    tmp_path / "run",
    task={"name": "labelled_steps", "path": str(path)},
    readout={"name": "tanh_value"},
  )
  run, state = build(config)
  metrics, _ = held_out.evaluate(run, state.params, 0)
  # A new head says 0.5 of every step: neither right nor wrong.
  assert metrics["brier"] == pytest.approx(0.25)
  assert metrics["step_auroc"] == 0.5

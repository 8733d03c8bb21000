"""The files of a run: one line a step, whole after a crash, equal after a resume."""

import errno
import json
import math
import struct

import jax.numpy as jnp
import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from jaxrl import metrics
from jaxrl.errors import UserError
from jaxrl.metrics import SampleLog, format_table, open_writers, read_jsonl


def start(directory, *, tensorboard=False, wandb_project=None, resume_step=None):
  return open_writers(
    directory,
    tensorboard=tensorboard,
    wandb_project=wandb_project,
    resume_step=resume_step,
  )


def sample(step, **fields):
  row = {"step": step, "kind": "eval", "question": "1+1?", "answer": "2"}
  row |= {"response": "It is\n2", "score": 1.0, "formatted": True, "status": "ok"}
  return row | fields


def events(directory):
  """All events, in the order in which TensorBoard reads them."""
  found = []
  for path in sorted((directory / "tensorboard").glob("events.out.tfevents.*")):
    data = path.read_bytes()
    while data:  # TFRecord: length, its checksum, the record, its checksum
      (length,) = struct.unpack("<Q", data[:8])
      found.append(Event.FromString(data[12 : 12 + length]))
      data = data[16 + length :]
  return found


def run(directory, first, last, **options):
  writer, log = start(directory, **options), SampleLog(directory)
  for step in range(first, last):
    writer.write(step, "train", {"loss": step / 2})
    log.write([sample(step), sample(step, score=None)])
  writer.close()


def test_a_line_a_step(tmp_path):
  writer = start(tmp_path / "new" / "run")
  values = {"a": 1, "b": 0.5, "c": np.float32(0.25), "d": jnp.float32(2)}
  writer.write(3, "train", values)
  writer.write(3, "eval", {"accuracy": 1.0})
  writer.close()
  assert (tmp_path / "new" / "run" / "metrics.jsonl").read_text() == (
    '{"kind": "train", "step": 3, "a": 1, "b": 0.5, "c": 0.25, "d": 2.0}\n'
    '{"kind": "eval", "step": 3, "accuracy": 1.0}\n'
  )


def test_numbers_that_json_has_not_are_null(tmp_path):
  values = {"nan": math.nan, "inf": jnp.float32(jnp.inf), "low": -np.inf, "one": 1.0}
  start(tmp_path).write(0, "train", values)

  def refuse(constant):
    raise AssertionError(f"{constant} is not JSON")

  text = (tmp_path / "metrics.jsonl").read_text()
  row = json.loads(text, parse_constant=refuse)
  assert (row["nan"], row["inf"], row["low"], row["one"]) == (None, None, None, 1.0)


@pytest.mark.parametrize("name", ["step", "kind"])
def test_a_metric_cannot_take_the_name_of_a_column(tmp_path, name):
  with pytest.raises(ValueError, match=name):
    start(tmp_path).write(0, "train", {name: 1.0})


def test_a_line_is_on_the_disk_before_the_writer_closes(tmp_path):
  start(tmp_path).write(0, "train", {"loss": 1.0})
  assert len(read_jsonl(tmp_path / "metrics.jsonl")) == 1


def test_a_resumed_run_leaves_the_files_of_an_uninterrupted_one(tmp_path):
  run(tmp_path / "whole", 0, 6)
  run(tmp_path / "cut", 0, 5)  # the checkpoint is of step 2
  run(tmp_path / "cut", 3, 6, resume_step=2)
  for name in ("metrics.jsonl", "samples.jsonl"):
    whole, cut = tmp_path / "whole" / name, tmp_path / "cut" / name
    assert cut.read_bytes() == whole.read_bytes()
    assert whole.stat().st_size
  assert {path.name for path in (tmp_path / "cut").iterdir()} == {
    "metrics.jsonl",
    "samples.jsonl",
  }


def test_resume_at_minus_one_removes_all_steps(tmp_path):
  run(tmp_path, 0, 3)
  start(tmp_path, resume_step=-1)
  assert read_jsonl(tmp_path / "metrics.jsonl") == []


@pytest.mark.parametrize("half", ['{"kind": "train", "ste', "[1", '"text"', "\udc80{"])
def test_half_a_last_line_is_dropped(tmp_path, half):
  run(tmp_path, 0, 2)
  path = tmp_path / "metrics.jsonl"
  whole = path.read_bytes()
  path.write_bytes(whole + half.encode(errors="surrogateescape"))
  assert [row["step"] for row in read_jsonl(path)] == [0, 1]
  start(tmp_path, resume_step=1)
  assert path.read_bytes() == whole


def test_a_last_line_without_its_newline_gets_one(tmp_path):
  run(tmp_path, 0, 2)
  path = tmp_path / "metrics.jsonl"
  whole = path.read_bytes()
  path.write_bytes(whole[:-1])
  start(tmp_path, resume_step=1)
  assert path.read_bytes() == whole


def test_a_missing_file_has_no_rows(tmp_path):
  assert read_jsonl(tmp_path / "metrics.jsonl") == []
  start(tmp_path, resume_step=4)  # a checkpoint is enough to go on


@pytest.mark.parametrize("name", ["metrics.jsonl", "samples.jsonl"])
def test_a_new_run_does_not_mix_with_an_old_one(tmp_path, name):
  (tmp_path / name).write_text('{"step": 1}\n')
  with pytest.raises(UserError, match=rf"{name} is there from an earlier run; resume"):
    start(tmp_path)


def test_a_crash_while_replacing_keeps_the_old_file(tmp_path, monkeypatch):
  run(tmp_path, 0, 3)
  path = tmp_path / "metrics.jsonl"
  whole = path.read_bytes()

  def full(descriptor):
    raise OSError(errno.ENOSPC, "No space left on device")

  monkeypatch.setattr(metrics.os, "fsync", full)
  with pytest.raises(UserError, match=r"cannot write .*metrics\.jsonl: No space left"):
    start(tmp_path, resume_step=0)
  assert path.read_bytes() == whole
  assert not list(tmp_path.glob(".*tmp"))


def test_a_full_disk_names_the_file(tmp_path):
  (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
  with pytest.raises(UserError, match=r"cannot write .*metrics\.jsonl: No space") as e:
    start(tmp_path).write(0, "train", {"loss": 1.0})
  assert "\n" not in str(e.value)
  (tmp_path / "samples.jsonl").symlink_to("/dev/full")
  with pytest.raises(UserError, match=r"samples\.jsonl"):
    SampleLog(tmp_path).write([sample(0)])


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(UserError, match=r"cannot write .*file/run: Not a directory"):
    start(tmp_path / "file" / "run")


def test_tensorboard_gets_every_finite_value(tmp_path):
  writer = start(tmp_path, tensorboard=True)
  writer.write(2, "train", {"loss": 0.5, "gap": math.nan})
  writer.write(2, "eval", {"accuracy": 0.25})
  writer.write_text(2, "eval", "a  b\n# c")
  writer.close()
  values = [(e.step, value) for e in events(tmp_path) for value in e.summary.value]
  assert [(step, v.tag, v.simple_value) for step, v in values[:2]] == [
    (2, "train/loss", 0.5),
    (2, "eval/accuracy", 0.25),
  ]
  step, text = values[2]
  assert (step, text.tag) == (2, "eval/samples/text_summary")
  assert text.tensor.string_val[0] == b"    a  b\n    # c"  # Markdown's code block


def test_tensorboard_hides_the_steps_after_a_resume(tmp_path):
  run(tmp_path, 0, 5, tensorboard=True)
  run(tmp_path, 3, 6, tensorboard=True, resume_step=2)
  found = events(tmp_path)
  starts = [e for e in found if e.WhichOneof("what") == "session_log"]
  assert [(e.step, e.session_log.status) for e in starts] == [(3, 1)]  # 1: START
  assert len({id(e) for e in found if e.HasField("summary")}) == 5 + 3  # no file lost


def test_tensorboard_is_off_unless_asked_for(tmp_path):
  run(tmp_path, 0, 1)
  assert not (tmp_path / "tensorboard").exists()


def test_wandb_that_is_not_installed_says_how(tmp_path, monkeypatch):
  monkeypatch.setitem(metrics.importlib.sys.modules, "wandb", None)
  with pytest.raises(UserError, match=r"run: pip install jaxrl\[wandb\]"):
    start(tmp_path, tensorboard=True, wandb_project="p")
  assert not (tmp_path / "tensorboard").exists()


def test_samples_keep_any_text(tmp_path):
  row = sample(1, response='a\u2028b\n"\\ \ud800 é', score=None, status="timeout")
  SampleLog(tmp_path).write([row])
  SampleLog(tmp_path).write([sample(2)])
  assert read_jsonl(tmp_path / "samples.jsonl") == [row, sample(2)]


def test_table_of_samples():
  rows = [
    sample(1, response="step one\nanswer 2"),
    sample(1, score=None, status="timeout", formatted=False),
    sample(1, score=0.5, response="begin " + "x" * 200 + " the end"),
    sample(1),
  ]
  lines = format_table(rows, 3).split("\n")
  assert lines[0].split() == ["score", "form", "answer", "question", "response"]
  assert lines[2].split("  ")[0] == "1.00" and lines[2].endswith("step one⏎answer 2")
  assert lines[3].startswith("timeout   no ")
  assert "begin x" in lines[4] and "…" in lines[4] and lines[4].endswith("the end")
  assert lines[5:] == ["… and 1 more"]
  assert max(map(len, lines)) <= 158


def test_table_shows_no_control_characters():
  text = format_table([sample(0, response="\x1b[2J\x07\u202e a\tb\r\nc\xa0d")], 1)
  assert text.endswith("�[2J�� a  b⏎c d")


def test_machine_file_keeps_the_first_start(tmp_path):
  metrics.write_machine(tmp_path, "jaxrl train grpo")
  first = metrics.read_json(tmp_path / "machine.json")
  assert first["command"] == "jaxrl train grpo" and len(first["devices"]) == 8
  path = tmp_path / "machine.json"
  path.write_text(json.dumps(first | {"started": "long ago"}))
  metrics.write_machine(tmp_path, "jaxrl train grpo --resume")
  again = metrics.read_json(path)
  assert (again["started"], again["command"]) == (
    "long ago",
    "jaxrl train grpo --resume",
  )


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_a_broken_json_file_is_empty(tmp_path, content):
  (tmp_path / "config.json").write_bytes(content)
  assert metrics.read_json(tmp_path / "config.json") == {}

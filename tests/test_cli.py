"""The command line as a user meets it: what goes wrong is one line and exit code 2."""

import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from jaxrl import cli, config
from jaxrl.metrics import read_jsonl
from jaxrl.overrides import apply
from tests import tiny

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


TRAINED = ("--loss.clip-high", "0.28")  # so that all runs here are one program


@pytest.fixture
def saved(tmp_path):
  """A config.json of the tiny run, whose directory is tmp_path / run."""
  path = tmp_path / "tiny.json"
  path.write_text(config.to_json(tiny.config(tmp_path / "run", steps=1)))
  return str(path)


def fails(capsys, *arguments):
  """The one line that a command prints as it fails."""
  assert cli.main(list(arguments)) == 2
  captured = capsys.readouterr()
  lines = [line for line in captured.err.splitlines() if line.startswith("jaxrl: ")]
  assert len(lines) == 1 and captured.err.rstrip().endswith(lines[0])
  assert "Traceback" not in captured.err
  return lines[0]


BAD_FLAGS = {
  "unknown key": (["--stepz", "3"], "--stepz", "--steps"),
  "unknown hyper-parameter": (["--loss.clip-hig", "1"], "--loss.clip-high", ""),
  "unknown method": (["--loss.name", "ppo_clp"], "did you mean 'ppo_clip'", ""),
  "unknown method of many": (["--regularizers", "kl_k"], "mean 'kl_k3'", ""),
  "wrong type": (["--steps", "many"], "--steps", "'many'"),
  "wrong choice": (["--platform", "gpus"], "--platform", "gpu"),
  "out of range": (["--group-size", "0"], "group_size must be at least 1", ""),
  "does not divide": (["--micro-batches", "3"], "does not divide", "16"),
  "groups do not divide": (["--mini-batches", "3"], "does not divide", "whole"),
  "no accelerator": (["--platform", "tpu"], "'tpu' was asked for", "--platform any"),
  "no weights": (["--model.path", "nowhere"], "nowhere: no such file", ""),
  "too long a context": (
    ["--sampling.max-prompt-tokens", "62"],
    "context",
    "64 tokens",
  ),
  "too long a prompt": (["--sampling.max-prompt-tokens", "3"], "has 4 tokens", "raise"),
  "no template": (["--model.chat", "True", "--model.path", "BARE"], "template", ""),
  "lora matches nothing": (
    ["--model.lora-rank", "2", "--model.lora-targets", "atn/q"],
    "'atn/q' matches no",
    "attn/q",
  ),
  "not writable": (["--output.directory", "/dev/null/run"], "/dev/null", "writable"),
}


@pytest.mark.parametrize("what", BAD_FLAGS)
def test_bad_flags(what, saved, capsys, tmp_path):
  flags, *expected = BAD_FLAGS[what]
  if "BARE" in flags:
    bare = tmp_path / "bare"
    shutil.copytree(tiny.model_directory(), bare)
    settings = bare / "tokenizer_config.json"
    settings.write_text(
      json.dumps(
        {k: v for k, v in json.loads(settings.read_text()).items() if "chat" not in k}
      )
    )
    flags = [str(bare) if flag == "BARE" else flag for flag in flags]
  line = fails(capsys, "train", saved, *flags)
  for part in expected:
    assert part in line, line


def test_bad_files(saved, capsys, tmp_path):
  broken = tmp_path / "broken"
  shutil.copytree(tiny.model_directory(), broken)
  weights = broken / "model.safetensors"
  weights.write_bytes(weights.read_bytes()[:-100])
  line = fails(capsys, "train", saved, "--model.path", str(broken))
  assert "model.safetensors" in line
  lines = tmp_path / "problems.jsonl"
  good = json.dumps({"question": "1+1?", "answer": "#### 2"})
  lines.write_text(f"{good}\n\n{{bad\n")
  flags = ["--task.name", "math_jsonl", "--task.train-path", str(lines)]
  line = fails(capsys, "train", saved, *flags)
  assert f"{lines}:2" in line and "skip" in line


def test_bad_commands(capsys, tmp_path):
  assert "did you mean 'train'" in fails(capsys, "tain")
  assert "did you mean 'quickstart'" in fails(capsys, "train", "quickstar")
  assert "needs the name" in fails(capsys, "train")
  assert "no run directory" in fails(capsys, "evaluate", str(tmp_path))
  assert "no file" in fails(capsys, "train", str(tmp_path / "none.py"))
  (tmp_path / "empty.py").write_text("")
  assert "no function config()" in fails(capsys, "train", str(tmp_path / "empty.py"))
  (tmp_path / "bad.json").write_text('{"stepz": 1}')
  assert "did you mean 'steps'" in fails(capsys, "train", str(tmp_path / "bad.json"))


def test_a_full_disk_loses_nothing(saved, capsys, tmp_path):
  """On a disk of 300 kB: one line, and the run's files are those of before."""
  disk = tmp_path / "disk"
  disk.mkdir()
  command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)]
  if subprocess.run(command, capture_output=True).returncode:
    pytest.skip("needs the right to mount a small disk")
  try:
    flags = [*TRAINED, "--output.directory", str(disk / "run")]
    line = fails(capsys, "train", saved, *flags)
    assert "space" in line.lower()
    rows = (disk / "run" / "metrics.jsonl").read_text().splitlines()
    assert all(json.loads(row) for row in rows)
  finally:
    subprocess.run(["umount", str(disk)], check=True)


def test_train_evaluate_sample_export_report(saved, capsys, tmp_path):
  """One run by its commands, start to end."""
  run = str(tmp_path / "run")
  assert cli.main(["train", saved, *TRAINED]) == 0
  assert f"report: {run}/report.html" in capsys.readouterr().out
  resolved = json.loads((tmp_path / "run" / "config.json").read_text())
  assert (resolved["loss"]["clip_low"], resolved["loss"]["clip_high"]) == (0.2, 0.28)
  assert cli.main(["evaluate", run]) == 0
  assert json.loads(capsys.readouterr().out)["step"] == 1
  assert cli.main(["sample", run, "1+1=", "--max-tokens", "3"]) == 0
  assert cli.main(["export", run, str(tmp_path / "hf")]) == 0
  assert (tmp_path / "hf" / "model.safetensors").exists()
  assert cli.main(["report", run]) == 0
  # The same command again goes on where the run stands: at its end.
  before = (tmp_path / "run" / "metrics.jsonl").read_bytes()
  assert cli.main(["train", saved, *TRAINED]) == 0
  assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == before
  # A saved config trains the same run elsewhere.
  again = ["train", f"{run}/config.json", "--output.directory", str(tmp_path / "two")]
  assert cli.main(again) == 0


def test_overrides_reach_every_part(tmp_path):
  base = tiny.config(tmp_path)
  flags = (
    "--steps 7 --sampling.top-k 5 --model.lora-targets a b --regularizers kl_k3 "
    "--regularizers.0.coefficient 0.5 --rewards answer_format --rewards.0.weight 2 "
    "--reduction.name sequence_mean --advantage.ddof 0 --schedule.name=cosine "
    "--schedule.final_fraction 0.1"
  )
  got = apply(base, flags.split())
  assert got.steps == 7 and got.sampling.top_k == 5
  assert got.model.lora_targets == ("a", "b")
  assert got.regularizers == ({"name": "kl_k3", "coefficient": 0.5},)
  assert got.rewards == ({"name": "answer_format", "weight": 2.0},)
  assert got.reduction["name"] == "sequence_mean"
  assert got.advantage["ddof"] == 0 and got.schedule["final_fraction"] == 0.1
  assert got.seed == base.seed and got.task == base.task
  assert apply(base, ["--selectors"]).selectors == ()


@pytest.mark.parametrize("name", config.names())
def test_every_config_says_where_it_is_from_and_survives_json(name, tmp_path):
  module = pathlib.Path("configs") / f"{name}.py"
  text = (pathlib.Path(__file__).parents[1] / module).read_text()
  for word in ("https://", "Run: ", "Expect: "):
    assert word in text
  loaded = config.load(name)
  assert loaded.name == name.replace("/", "-")
  path = tmp_path / "config.json"
  path.write_text(config.to_json(loaded))
  assert config.from_json(path) == loaded


def test_wrong_types_in_a_config_file_are_named(tmp_path):
  """In a process of its own: here the tests' own type checker is faster."""
  wrong = {
    "Config(steps='5')": "config.steps must be int, got '5'",
    "Config(sampling=SamplingConfig(top_k=1.5))": "top_k must be int | None, got 1.5",
    "Config(loss={'name': 'ppo_clip', 'clip_lo': 0.1})": "did you mean 'clip_low'",
  }
  paths = [tmp_path / f"wrong{i}.py" for i in range(len(wrong))]
  for path, text in zip(paths, wrong, strict=True):
    path.write_text(
      f"from jaxrl.config import Config, SamplingConfig\ndef config(): return {text}\n"
    )
  code = (
    "import sys; from jaxrl import cli\n"
    "print([cli.main(['train', path]) for path in sys.argv[1:]])"
  )
  command = [sys.executable, "-c", code, *map(str, paths)]
  done = subprocess.run(command, capture_output=True, text=True, check=True)
  assert done.stdout.strip() == "[2, 2, 2]"
  lines = [line for line in done.stderr.splitlines() if line.startswith("jaxrl: ")]
  for line, expected in zip(lines, wrong.values(), strict=True):
    assert expected in line


def test_the_run_of_ones_own_in_the_docs_trains(tmp_path, capsys):
  flags = (
    "--steps 2 --prompts-per-step 2 --group-size 2 --sampling.max-prompt-tokens 60 "
    "--sampling.max-response-tokens 2 --evaluation.problems 2 --verify.workers 1 "
    "--model.chat False --rewards.1.per-token 0.5"
  )
  own = pathlib.Path(__file__).parents[1] / "docs" / "my_run.py"
  assert len(own.read_text().splitlines()) <= 45
  model = tmp_path / "model"
  shutil.copytree(tiny.model_directory(), model)
  where = ["--model.path", str(model), "--output.directory", str(tmp_path / "run")]
  assert cli.main(["train", str(own), *flags.split(), *where]) == 0
  rows = read_jsonl(tmp_path / "run" / "metrics.jsonl")
  train = [row for row in rows if row["kind"] == "train"]
  assert len(train) == 2
  for row in train:  # brevity acts on the reward and on nothing else
    expected = row["accuracy"] - 0.5 * row["length"]
    assert row["reward"] == pytest.approx(expected, abs=1e-5)

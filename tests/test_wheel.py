"""The wheel, installed away from the sources, trains two steps of a config."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

from tests import tiny

ROOT = pathlib.Path(__file__).parents[1]
FLAGS = (
  "--steps 2 --prompts-per-step 2 --group-size 2 --micro-batches 1 --model.chat False "
  "--task.name token_arithmetic --sampling.max-prompt-tokens 8 "
  "--sampling.max-response-tokens 2 --evaluation.problems 2 --verify.workers 1"
)


def run(*command, cwd, **environment):
  done = subprocess.run(
    command, cwd=cwd, capture_output=True, text=True, env=os.environ | environment
  )
  assert done.returncode == 0, done.stdout + done.stderr
  return done.stdout


def test_the_wheel_trains_two_steps(tmp_path):
  pip = (sys.executable, "-m", "pip")
  build = (
    *pip,
    "wheel",
    "-q",
    "--no-deps",
    "--no-build-isolation",
    "-w",
    str(tmp_path),
  )
  sources = tmp_path / "sources"  # a copy: building writes into the tree
  skip = shutil.ignore_patterns(".*", "build", "runs", "*.egg-info", "__pycache__")
  shutil.copytree(ROOT, sources, symlinks=True, ignore=skip)
  run(*build, str(sources), cwd=tmp_path)
  (wheel,) = tmp_path.glob("*.whl")
  names = zipfile.ZipFile(wheel).namelist()
  tops = {name.split("/")[0] for name in names}
  assert tops == {"jaxrl", next(t for t in tops if t.endswith(".dist-info"))}
  assert {"jaxrl/models/decoder.py", "jaxrl/configs/grpo.py"} <= set(names)
  site, work = tmp_path / "site", tmp_path / "work"
  work.mkdir()
  run(*pip, "install", "-q", "--no-deps", "--target", str(site), str(wheel), cwd=work)
  python = (sys.executable, "-P")
  where = (*python, "-c", "import jaxrl.models; print(jaxrl.models.__file__)")
  path = {"PYTHONPATH": str(site)}
  assert run(*where, cwd=work, **path).strip().startswith(str(site))
  model = ("--model.path", tiny.model_directory())
  train = (*python, "-m", "jaxrl.cli", "train", "grpo", *FLAGS.split(), *model)
  out = run(*train, cwd=work, **path)
  assert "report: runs/grpo/report.html" in out
  lines = (work / "runs" / "grpo" / "metrics.jsonl").read_text().splitlines()
  rows = [json.loads(line) for line in lines]
  assert [r["step"] for r in rows if r["kind"] == "train"] == [1, 2]

"""AlphaLLM's round: search training problems, write the best rows, train on them."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest

from jaxrl import cli, loop
from jaxrl.build import build
from jaxrl.config import EvaluationConfig, SamplingConfig, SearchConfig, to_json
from jaxrl.errors import UserError
from jaxrl.prm.solutions import read
from jaxrl.problems import Problem, chat
from jaxrl.sandbox import Outcome
from jaxrl.search import trajectories
from jaxrl.search.on_model import Found
from tests import tiny


def searching(directory, **changes):
  settings = SearchConfig(
    problems=3,
    split="train",
    write=str(directory / "found.jsonl"),
    rows=2,
    rounds=2,
    step_ends="",
    step_tokens=2,
    batch_problems=1,
  )
  return tiny.config(
    directory / "run",
    prm=tiny.prm_directory(),
    searching=dataclasses.replace(settings, **changes),
    search={"name": "alphallm", "searches": 1, "widths": (2, 2), "rollouts": 1},
    cut={"name": "fixed_length", "tokens": 2},
  )


def lines_of(path):
  return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_a_search_finds_is_trained_on(tmp_path, capsys):
  config = searching(tmp_path)
  path = tmp_path / "config.json"
  path.write_text(to_json(config))
  assert cli.main(["search", str(path)]) == 0
  shown = json.loads(capsys.readouterr().out)
  found = read(config.searching.write)
  assert shown["written"] == len(found) == 3
  run, _ = build(config)
  assert [one.problem for one in found] == [run.task.train[i].id for i in range(3)]
  assert all(one.labels == (None,) * len(one.steps) for one in found)
  assert all(one.messages == tuple(chat(one.question)) for one in found)
  assert all(one.about["search"]["name"] == "alphallm" for one in found)
  # A random model is never right, and a file without a right answer teaches nothing.
  lines = lines_of(pathlib.Path(config.searching.write))
  for line in lines:
    line["outcome"] = 1.0
  labelled = tmp_path / "right.jsonl"
  labelled.write_text("".join(json.dumps(line) + "\n" for line in lines))
  policy = tiny.prm_config(
    tmp_path / "policy",
    steps=1,
    task={"name": "labelled_steps", "path": str(labelled), "test_fraction": 0.5},
    explore={"name": "recorded", "train": "responses"},
    loss={"name": "sft"},
    prompts_per_step=1,
    sampling=SamplingConfig(
      max_prompt_tokens=16, max_response_tokens=14, prompt_bucket_tokens=8
    ),
    evaluation=EvaluationConfig(problems=0),
  )
  metrics = pathlib.Path(loop.fit(policy)) / "metrics.jsonl"
  (step,) = (line for line in lines_of(metrics) if "loss" in line)
  assert np.isfinite(step["loss"]) and step["loss"] > 0


def found(scores, finished, texts=("aa", "bb", "cc")):
  problem = Problem(id="p", source="s", question="1+1", answer="2", data={})
  outcomes = [Outcome(x, formatted=True, status="ok") for x in (1.0, 0.0, None)]
  return Found(
    problem, list(texts), outcomes, np.array(scores), np.array(finished), tokens=9
  )


def test_the_best_finished_row_is_written(tmp_path):
  run, _ = build(searching(tmp_path))
  of = lambda *case, **changed: trajectories.best(run, [found(*case, **changed)])
  (one,) = of([0.1, 0.7, 0.9], [True, True, False])
  assert one.text == "bb" and one.outcome == 0 and one.about["score"] == 0.7
  (one,) = of([0.1, 0.1, 0.0], [True, True, True])  # the first of equal ones
  assert one.text == "aa" and one.outcome == 1
  (one,) = of([0.1, 0.2, 0.3], [True, True, True])  # not verified
  assert one.text == "cc" and one.outcome is None
  assert of([0.1, 0.2, 0.3], [False] * 3) == []
  assert of([0.9, 0.2, 0.3], [True] * 3, texts=("", "b", "c")) == []
  with pytest.raises(UserError, match="nothing to write"):
    trajectories.write(run, [found([0.1] * 3, [False] * 3)], tmp_path / "none.jsonl")

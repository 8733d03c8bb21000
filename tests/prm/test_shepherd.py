"""Checklists: how their texts are read, and rewards from a model's own tokens."""

import collections
import dataclasses
import json

import jax
import numpy as np
import pytest

from jaxrl.build import build
from jaxrl.config import SamplingConfig
from jaxrl.errors import UserError
from jaxrl.prm import checklist
from jaxrl.prm.shepherd import Shepherd, spelling_classes
from jaxrl.tasks.checklists import checklists, verify
from tests import tiny
from tests.prm.test_verdicts import long_model

TEXT = "Fine.\n1: Yes\n 2) in  progress, nearly\n4: Yes\n1: No\n3. Nothing\nYes\n"


def test_numbered_lines_are_items():
  text = "Goals:\n1. Find the page\n 2) Log in \n\n3:Buy\nDone"
  assert checklist.items_of(text) == ("Find the page", "Log in", "Buy")
  many = "\n".join(f"{k}: x{k}" for k in range(1, 30))
  assert len(checklist.items_of(many)) == checklist.ITEMS_MAX


def test_the_first_verdict_on_an_item_counts():
  assert checklist.verdict_words(TEXT, 3) == {1: "yes", 2: "in progress"}
  places = checklist.verdict_places(TEXT, 3)
  assert places == ["Fine.\n1:", "Fine.\n1: Yes\n 2)"]
  assert checklist.verdict_places("No verdict: yes", 3) == []


def test_a_tie_is_no_best_action():
  assert checklist.strictly_best([0.2, 0.9, 0.5]) == 1
  assert checklist.strictly_best([0.9, 0.9, 0.5]) is None
  assert checklist.strictly_best([float("nan"), 0.1]) == 1
  assert checklist.strictly_best([float("nan")]) is None
  assert checklist.strictly_best([]) is None


def test_a_token_counts_once_by_its_whole_text():
  words = [" Yes", "yes", "YES ", "Incorrect", " in", "Yesterday", "", "done"]
  classes = spelling_classes(
    lambda ids: words[ids[0]], len(words), {"y": ("yes", "done"), "i": ("in",)}
  )
  expected = [[1, 0], [1, 0], [1, 0], [0, 0], [0, 1], [0, 0], [0, 0], [1, 0]]
  assert classes.tolist() == expected


@pytest.fixture(scope="module")
def shepherd(tmp_path_factory):
  """A random model of bytes, some of which count as words."""
  base = tiny.config(tmp_path_factory.mktemp("run"), prompts_per_step=4)
  sampling = SamplingConfig(
    max_prompt_tokens=1536, max_response_tokens=16, prompt_bucket_tokens=512
  )
  model = dataclasses.replace(base.model, path=long_model())
  run, state = build(dataclasses.replace(base, model=model, sampling=sampling))
  letters = {
    name: tuple(chr(c) for c in range(33 + k, 127, 3))
    for k, name in enumerate(("yes", "in progress", "no"))
  }
  return Shepherd(
    run,
    state.params,
    votes=2,
    batch_rows=4,
    key=jax.random.key(0),
    counts=collections.Counter(),
    spellings=letters,
  )


def test_masses_are_of_the_ten_most_probable_tokens(shepherd):
  run = shepherd.run
  texts = ["1:", "Go on.\n2)", "x" * 40, "3:", "4"]
  prefixes = [run.tokenizer.encode(text) for text in texts]
  got = shepherd.masses(prefixes)
  for ids, row in zip(prefixes, got, strict=True):
    logits = tiny.plain(run, shepherd.params, ids, width=48)[1][-1]
    p = np.exp(logits) / np.exp(logits).sum()
    expected = [0.0, 0.0, 0.0]
    for token in np.argsort(-p)[:10]:
      text = run.tokenizer.decode([int(token)]).strip().lower()
      for k, words in enumerate(shepherd.spellings.values()):
        expected[k] += p[token] if text in words else 0.0
    np.testing.assert_allclose(row, expected, rtol=1e-4, atol=1e-7)
  assert got.max() > 0


class Scripted(Shepherd):
  """What is written is scripted; what is read of it is the model's."""

  def _write(self, asked, numbers, votes, stream):
    encode = self.run.tokenizer.encode
    if stream == 0:
      said = [["1. Add\n2. Say so\n"] if "1+1" in a else ["none"] for a in asked]
    else:
      said = [["Yes.\n1: Yes\n2: No", "?"] for _ in asked]
    return [encode(text) for text in asked], said


def test_a_reward_is_the_mean_over_judgements(shepherd):
  """A judgement without a verdict is 0, a solution without a list not known."""
  fields = {f.name: getattr(shepherd, f.name) for f in dataclasses.fields(shepherd)}
  scripted = Scripted(**{**fields, "counts": collections.Counter()})
  written = [of("1+1=", 0, "a", "b"), of("2+2=", 1, "c")]
  got = scripted(written)
  encode = scripted.run.tokenizer.encode
  for t in range(2):
    items = ("Add", "Say so")
    prompt = checklist.judge_prompt("1+1=", items, ["a", "b"][:t], ["a", "b"][t])
    places = ["Yes.\n1:", "Yes.\n1: Yes\n2:"]
    masses = scripted.masses([encode(prompt) + encode(before) for before in places])
    half = checklist.checklist_score(masses) / 2
    np.testing.assert_allclose(got[0][t], half)
    assert half > 0
  assert np.isnan(got[1]).all()
  assert scripted.counts["judgements_without_verdict"] == 2
  assert scripted.counts["checklists_missing"] == 1


def test_a_random_model_gives_no_list_and_no_reward(shepherd):
  got = shepherd([of("1+1=", 0, "a", "b")])
  assert np.isnan(got[0]).all() and shepherd.counts["checklists_missing"] == 1


def of(question, number, *texts):
  from jaxrl.prm.evidence import Evidence
  from jaxrl.prm.written import Written
  from jaxrl.problems import Problem

  problem = Problem(question, "test", question, "", {})
  return Written(problem, number, [], [], [], list(texts), Evidence(len(texts)), None)


# --- the task -----------------------------------------------------------------------

LINE = {
  "instruction": "Buy a book",
  "checklist": ["Find it", "Pay"],
  "before": ["search"],
  "now": "click",
  "feedback": "Found.",
  "verdicts": ["yes", "in progress"],
}


def test_lists_and_judgements_are_problems_with_solutions(tmp_path):
  path = tmp_path / "steps.jsonl"
  lines = []
  for n in range(30):
    first = {**LINE, "instruction": f"Buy {n} books"}
    lines += [first, {**first, "now": "type", "verdicts": ["no", "no"]}]
  path.write_text("".join(json.dumps(one) + "\n" for one in lines))
  task = checklists(path=str(path), test_fraction=0.3)
  of = lambda side: {problem.data["instruction"] for problem in side}
  assert not of(task.train) & of(task.test) and len(of(task.train)) < 30
  assert len(task.train) + len(task.test) == 90
  lists = [p for p in task.train if p.source == "list"]
  yes, no = [p for p in task.train if p.source == "judgement"][:2]
  assert {p.data["solution"] for p in lists} == {"1: Find it\n2: Pay"}
  assert yes.data["solution"] == "Found.\n1: Yes\n2: In Progress"
  assert no.data["solution"] == "Found.\n1: No\n2: No"
  for problem in task.train:
    assert verify(problem, problem.data["solution"]).score == 1.0
  assert verify(yes, no.data["solution"]).score == 0.0
  assert verify(yes, "1: Yes").score == 0.5
  assert not verify(yes, "1: Yes").formatted
  assert verify(lists[0], "1. One").score == 0.0


@pytest.mark.parametrize(
  "change, message",
  [
    ({"verdicts": ["yes"]}, "1 verdicts for 2 items"),
    ({"verdicts": ["yes", "perhaps"]}, "2 verdicts for 2 items"),
    ({"feedback": ""}, "no text under 'feedback'"),
    ({"checklist": "Pay"}, "'checklist' is no list"),
  ],
)
def test_a_bad_line_is_named(tmp_path, change, message):
  path = tmp_path / "steps.jsonl"
  path.write_text(json.dumps({**LINE, **change}) + "\n")
  with pytest.raises(UserError, match=rf"steps\.jsonl:1: .*{message}"):
    checklists(path=str(path))

"""Judges in labelling: who is asked, what they see, and what is not read."""

import dataclasses
import functools
import json
import pathlib
import tempfile

import jax
import numpy as np
import pytest

from jaxrl import pick
from jaxrl.build import build
from jaxrl.config import (
  EvaluationConfig,
  LabellingConfig,
  SamplingConfig,
  resolve,
)
from jaxrl.config_parts import JudgeConfig
from jaxrl.draw import verifiers
from jaxrl.errors import UserError
from jaxrl.models.decoder import init_params
from jaxrl.models.save import save
from jaxrl.models.tokenizer import byte_tokenizer
from jaxrl.prm import documents, verdicts
from jaxrl.prm import label as label_lib
from jaxrl.prm.solutions import Solution, read
from jaxrl.prm.written import balanced
from tests import tiny
from tests.prm import judges

FILE = pathlib.Path(judges.__file__)
FORMS = ("steps", "grader", "first_error")


def judge(name, **settings):
  return JudgeConfig(model=f"{FILE}:{name}", **settings)


def config(tmp_path, judge, labels, query="nothing", model=None, **changes):
  labelling = changes.pop("labelling", {})
  settings = {
    "problems": 6,
    "solutions": 2,
    "completions": 2,
    "batch_problems": 2,
    "batch_prefixes": 4,
    **labelling,
  }
  base = tiny.config(
    tmp_path / "run",
    task={"name": f"{tiny.OWN}:parity_task"},
    evaluation=EvaluationConfig(problems=0),
    cut={"name": "fixed_length", "tokens": 2},
    query={"name": query},
    labels={"name": labels},
    labelling=LabellingConfig(judge=judge, **settings),
    **changes,
  )
  if model is not None:
    base = dataclasses.replace(base, model=dataclasses.replace(base.model, path=model))
  return resolve(base)


def label(config, path):
  run, state = build(config)
  with verifiers(run) as pool:
    return label_lib.label(run, pool, state.params, path), read(path)


def calls():
  """What the judges' file was asked, as loaded by its path, since the last look."""
  found = pick.load("judges", f"{FILE}:by_letters").__globals__["CALLS"]
  said = list(found)
  found.clear()
  return said


@pytest.fixture(scope="module")
def voted(tmp_path_factory):
  """(counts, solutions, what was asked, path) of a panel of three forms."""
  folder = tmp_path_factory.mktemp("voted")
  calls()
  made = config(folder, judge("by_letters", forms=FORMS, reference=True), "aurora")
  counts, found = label(made, folder / "labels.jsonl")
  return counts, found, calls(), folder / "labels.jsonl"


# --- panels -------------------------------------------------------------------------


def test_labels_are_the_vote_of_the_forms(voted):
  counts, found, asked, _ = voted
  assert len(asked) == 3 * len(found) and {form for _, form in asked} == set(FORMS)
  seen = set()
  for one in found:
    votes = [[judges.expected(step, form) for step in one.steps] for form in FORMS]
    assert one.about["verdicts"] == votes
    assert list(one.labels) == [float(sum(v) > 1.5) for v in zip(*votes, strict=True)]
    seen |= set(one.labels)
  assert seen == {0.0, 1.0} and counts["verdicts_asked"] == len(asked)
  assert counts["verdicts_unread"] == 0


def test_judges_see_question_steps_and_answer(voted):
  _, found, asked, _ = voted
  shown = {(ask.question, ask.steps, ask.reference, ask.documents) for ask, _ in asked}
  assert shown == {(one.question, one.steps, one.answer, ()) for one in found}
  assert all(one.answer for one in found)


def test_the_answer_stays_hidden_unless_it_is_asked_for(tmp_path):
  calls()
  made = config(tmp_path, judge("by_letters"), "versaprm", labelling={"problems": 1})
  label(made, tmp_path / "labels.jsonl")
  asked = calls()
  assert asked and {ask.reference for ask, _ in asked} == {""}


def test_neither_batches_nor_a_kill_change_a_line(voted, tmp_path):
  *_, path = voted
  text = path.read_text()
  again = tmp_path / "labels.jsonl"
  lines = text.splitlines(keepends=True)
  again.write_text("".join(lines[:2]) + lines[2][:50])  # a problem, and a bit
  settings = judge("by_letters", forms=FORMS, reference=True)
  made = config(tmp_path, settings, "aurora", labelling={"batch_problems": 3})
  counts, _ = label(made, again)
  assert 0 < counts["problems_done_before"] < 6
  assert sorted(again.read_text().splitlines()) == sorted(text.splitlines())


def test_who_reads_no_verdict_asks_no_judge(tmp_path):
  """Nor looks whether there is one."""
  calls()
  nobody = JudgeConfig(model=f"{FILE}:nobody", documents="none.jsonl")
  made = config(tmp_path, nobody, "freeprm", labelling={"problems": 1})
  counts, found = label(made, tmp_path / "labels.jsonl")
  assert found and calls() == [] and "verdicts_asked" not in counts


def test_a_judge_that_is_late_is_a_counted_skip(tmp_path):
  made = config(tmp_path, judge("late", votes=2), "aurora")
  counts, found = label(made, tmp_path / "labels.jsonl")
  even = [one for one in found if int(one.question[2]) % 2 == 0]
  assert 0 < len(even) < len(found)
  assert all(set(one.labels) == {None} for one in even), "no verdict is no 0"
  others = [one for one in found if one not in even]
  assert all(None not in one.labels for one in others)
  assert counts["judge_failures"] == counts["verdicts_unread"] == 2 * len(even)
  assert counts["verdicts_asked"] == 2 * len(found)


@pytest.mark.parametrize(
  "name, message",
  [("grades", "is no verdict on each of"), ("too_few", "it is to give one number")],
)
def test_what_is_no_verdict_is_an_error(tmp_path, name, message):
  made = config(tmp_path, judge(name), "aurora", labelling={"problems": 1})
  with pytest.raises(UserError, match=message):
    label(made, tmp_path / "labels.jsonl")


@pytest.mark.parametrize(
  "settings, message",
  [
    (JudgeConfig(model=f"{FILE}:nobody"), "no 'nobody'"),
    (JudgeConfig(), r"exceed the context, 64 tokens"),
    (JudgeConfig(forms=("stps",)), r"exceed the context|did you mean"),
  ],
)
def test_a_judge_that_is_not_there_is_an_error(tmp_path, settings, message):
  made = config(tmp_path, settings, "aurora")
  with pytest.raises(UserError, match=message):
    label(made, tmp_path / "labels.jsonl")


# --- whole methods ------------------------------------------------------------------


def test_consensus_keeps_what_completions_and_judge_agree_on(tmp_path):
  made = config(
    tmp_path,
    judge("by_letters", forms=("first_error",)),
    "consensus_filtering",
    query="every_prefix",
    labelling={"problems": 20, "batch_problems": 10},
  )
  _, found = label(made, tmp_path / "labels.jsonl")
  kept = 0
  for one in found:
    solvable = [max(row) for row in one.about["right"][1:-1]] + [one.outcome]
    said = [judges.expected(step, "first_error") for step in one.steps]
    first = [[*x, 0.0].index(0.0) for x in (solvable, said)]
    expected = [None] * len(one.steps)
    if first[0] == first[1]:
      expected = [
        float(t < first[0]) if t <= first[0] else None for t in range(len(said))
      ]
      kept += 1
    assert list(one.labels) == expected
  assert 0 < kept < len(found)


def test_med_prm_shows_documents_and_writes_them(tmp_path):
  """Half of the questions have a document; right solutions do not outnumber wrong."""
  corpus = tmp_path / "documents.jsonl"
  texts = [f"{a}+{b}= is known" for a in range(10) for b in range(0, 10, 2)]
  corpus.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
  settings = judge(
    "of_documents", documents=str(corpus), documents_max=1, write_documents=True
  )
  more = {"problems": 20, "solutions": 4, "right_solutions_max": 1}
  made = config(tmp_path, settings, "med_prm", labelling=more)
  calls()
  _, found = label(made, tmp_path / "labels.jsonl")
  for ask, _ in calls():
    assert len(ask.documents) == 1
  by_question = {}
  for one in found:
    document, question = one.question.split("\n\n")
    assert document in texts
    by_question.setdefault(question, []).append(one)
  assert len(by_question) == 20
  labels = set()
  for question, group in by_question.items():
    known = question in group[0].question.split("\n\n")[0]
    wrong = [one for one in group if one.outcome == 0]
    right = [one for one in group if one.outcome == 1]
    labelled = [one for one in right if None not in one.labels]
    if known:  # judged all right: wrong solutions say nothing
      assert all(set(one.labels) == {None} for one in wrong)
      assert labelled == right[:1]
    else:
      assert all(set(one.labels) == {0.0} for one in wrong)
      assert labelled == right[: max(len(wrong), 1)]
    labels |= {(known, len(labelled))}
  assert len(labels) > 3


def test_med_prm_needs_documents(tmp_path):
  made = config(tmp_path, judge("of_documents"), "med_prm")
  with pytest.raises(UserError, match=r"set labelling\.judge\.documents"):
    label(made, tmp_path / "labels.jsonl")


def test_right_solutions_lose_labels_beyond_the_wrong_ones():
  line = lambda outcome, *labels: Solution(
    "p", "q", ("s",) * len(labels), labels, outcome=outcome
  )
  lines = [
    line(1.0, 1.0, 1.0),
    line(0.0, 0.0, None),
    line(1.0, None, None),
    line(1.0, 1.0, None),
    line(1.0, 1.0, 1.0),
    line(0.0, None, 0.0),
  ]
  kept = lambda most: [set(one.labels) != {None} for one in balanced(lines, most)]
  assert kept(1) == kept(2) == [True, True, False, True, False, True]
  assert kept(3) == kept(9) == [True, True, False, True, True, True]


def test_aurora_and_others_read_what_a_model_says(tmp_path):
  """A random model says nothing that can be read: no label, and it is counted."""
  settings = JudgeConfig(
    forms=("steps", "first_error"),
    votes=2,
    sampling=SamplingConfig(
      max_prompt_tokens=1024, max_response_tokens=8, prompt_bucket_tokens=256
    ),
  )
  made = config(
    tmp_path, settings, "aurora", model=long_model(), labelling={"problems": 2}
  )
  counts, found = label(made, tmp_path / "labels.jsonl")
  assert all(set(one.labels) == {None} for one in found)
  assert all(np.shape(one.about["verdicts"]) == (4, len(one.steps)) for one in found)
  assert counts["verdicts_unread"] == counts["verdicts_asked"] == 4 * len(found) > 0


def test_a_judge_is_the_model_itself_weights_or_a_trained_run(tmp_path):
  """Each with its own prompts' room, whatever that of the labelled model is."""
  short = SamplingConfig(max_prompt_tokens=40, max_response_tokens=4)
  asked = lambda model: verdicts.judging_model(
    run, state.params, JudgeConfig(model=model, sampling=short)
  )
  packed = {"micro_batches": 1, "responses_per_row": 1, "micro_batch_tokens": 12}
  run, state = build(config(tmp_path, JudgeConfig(), "aurora", **packed))
  own, params = asked(None)
  assert params is state.params and own.config.sampling == short
  assert own.rules.max_tokens == 4 and own.task is run.task
  weights, params = asked(long_model())
  assert weights.policy.decoder.config.max_positions == 2048
  assert weights.config.sampling == short and weights.task.name == run.task.name
  differ(params, state.params)
  trained = tiny.prm_directory()
  judging, params = asked(trained)
  assert judging.config.sampling == short and judging.task.name == run.task.name
  differ(params["step_head"], jax.tree.map(np.zeros_like, params["step_head"]))
  with pytest.raises(UserError, match=r"exceed the context, 64 tokens"):
    verdicts.judging_model(run, state.params, JudgeConfig())


def differ(one, other):
  pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
  assert any(np.abs(np.asarray(a) - np.asarray(b)).max() > 1e-6 for a, b in pairs)


@functools.cache
def long_model():
  """The tiny decoder with room for prompts in bytes."""
  decoder = dataclasses.replace(tiny.DECODER, max_positions=2048)
  directory = pathlib.Path(tempfile.mkdtemp(prefix="jaxrl-long-")) / "model"
  save(directory, decoder, init_params(decoder, jax.random.key(1)), byte_tokenizer())
  return str(directory)


# --- ActPRM -------------------------------------------------------------------------


def test_only_what_heads_are_not_sure_of_is_judged(tmp_path):
  """Heads of a run; thresholds between which some solutions are sure."""
  from jaxrl import loop

  trained = tiny.prm_config(
    tmp_path / "prm",
    steps=1,
    evaluation=EvaluationConfig(problems=0),
    loss={"name": "prm/objectives/ensemble_bce", "outputs": 4},
    readout={"name": "mean_of_heads"},
    optimizer={"name": "adamw_near_start"},
    schedule={"name": "constant", "learning_rate": 0.3},
    model=dataclasses.replace(
      tiny.config(tmp_path).model, path=tiny.model_directory(), step_head_hidden=8
    ),
  )
  loop.fit(trained)
  base = config(
    tmp_path,
    judge("by_letters", forms=("first_error",)),
    "versaprm",
    query="untrusted",
    labelling={"problems": 12},
  )
  calls()
  counts, found = label(base, tmp_path / "first.jsonl")
  assert len(calls()) == len(found), "without heads everything is asked"
  assert counts["labelled_steps"] > 0
  heads_of = dataclasses.replace(base, prm=str(tmp_path / "prm"))
  counts, found = label(heads_of, tmp_path / "second.jsonl")
  heads = [np.mean(one.about["heads"], axis=1) for one in found]
  assert all(np.shape(one.about["heads"]) == (len(one.steps), 4) for one in found)
  asked = {(ask.question, ask.steps) for ask, _ in calls()}
  certain = sorted(float(abs(mean - 0.5).min()) for mean in heads)
  between = 0.5 + (certain[3] + certain[-4]) / 2
  query = {"name": "untrusted", "delta_p": between, "delta_std": 1.0}
  chosen = dataclasses.replace(heads_of, query=query)
  counts, found = label(chosen, tmp_path / "third.jsonl")
  asked = {(ask.question, ask.steps) for ask, _ in calls()}
  assert 0 < len(asked) < len(found)
  for one in found:
    mean = np.mean(one.about["heads"], axis=1)
    end = [*(mean < 0.5), True].index(True) + 1
    sure = bool((np.abs(mean - 0.5) >= between - 0.5)[:end].all())
    assert ((one.question, one.steps) not in asked) == sure
    assert (set(one.labels) == {None}) == sure


# --- documents ----------------------------------------------------------------------


def test_documents_are_found_by_their_words():
  corpus = documents.corpus(["the cat sat", "a dog ran", "the dog sat down", "fish"])
  assert corpus.search("dog ran", 2) == ["a dog ran", "the dog sat down"]
  assert corpus.search("bird", 2) == []
  assert corpus.search("sat", 9) == ["the cat sat", "the dog sat down"]


def test_documents_stop_at_the_first_that_does_not_fit():
  assert documents.that_fit(["aa", "bbbb", "c"], 3, len) == ("aa",)
  assert documents.that_fit(["aa", "bbbb", "c"], 6, len) == ("aa", "bbbb")
  assert documents.that_fit(["aa"], 1, len) == ()


@pytest.mark.parametrize("text", ["no json\n", '{"txt": "a"}\n', '{"text": " "}\n'])
def test_a_bad_document_is_named_by_its_line(tmp_path, text):
  path = tmp_path / "documents.jsonl"
  path.write_text('{"text": "fine"}\n' + text)
  with pytest.raises(UserError, match=r"documents\.jsonl:2"):
    documents.read(str(path))

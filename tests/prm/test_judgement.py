"""Prompts and readings of judges' texts, and the tasks made of judged solutions."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

from jaxrl.errors import UserError
from jaxrl.prm import judgement
from jaxrl.prm.judgement import FORMS, Ask, accepts, places, prompt, rejects, verdicts
from jaxrl.prm.solutions import Solution, to_line
from jaxrl.tasks import judged_steps, judgement_pairs, kept_critiques, kept_judgements

NAN = math.nan
ASK = Ask("What is 2+2?", ("a\n", "b\n", "c\n"))
R, W = "\\boxed{correct}", "\\boxed{incorrect}"


def read(text, form, ask=ASK):
  return verdicts(text, ask, form=form).tolist()


@pytest.mark.parametrize("form", FORMS)
def test_prompts_show_what_is_known_and_nothing_behind_the_step(form):
  ask = Ask("Why {x}?", ("first", "second", "third"), 1, "42", ("a table", "a book"))
  text = prompt(ask, form=form)
  for part in (
    "Why {x}?",
    "Step 1: first",
    "Step 2: second",
    "42",
    "a table",
    "a book",
  ):
    assert part in text
  assert "third" not in text
  bare = prompt(dataclasses.replace(ask, reference="", documents=()), form=form)
  assert "eference" not in bare and "Document" not in bare


def test_a_steps_own_documents_stand_before_it_alone():
  own = (("one",), ("two", "three"))
  ask = Ask("q", ("a", "b", "c"), 1, documents=("all",), step_documents=own)
  text = prompt(ask, form="table")
  assert "Document 3:\nthree" in text and "all" in text and "\none" not in text
  for upto in (None, 2):
    text = prompt(dataclasses.replace(ask, upto=upto), form="table")
    assert "Document 1:\nall" in text and "Document 2" not in text


def test_forms_differ_in_wording():
  texts = {prompt(ASK, form=form) for form in FORMS}
  assert len(texts) == len(FORMS)


@pytest.mark.parametrize(
  "form, text, expected",
  [
    ("steps", f"x {R} y {R} z {W} w", [1, 1, 0]),
    ("steps", f"x {R} y {W} w", [1, 0, NAN]),  # stops at the first wrong one
    ("steps", f"x {W} y {R} w {R}", [0, 1, 1]),
    ("steps", f"x {R} y {R}", [NAN] * 3),  # one is missing
    ("steps", f"{R}{R}{R}{R}", [NAN] * 3),  # one too many
    ("steps", "\\boxed{ \\text{Correct} }" * 3, [1, 1, 1]),
    ("grader", f"{W}{W}{R}", [0, 0, 1]),
    ("first_error", "It fails at \\boxed{2}.", [1, 0, NAN]),
    ("first_error", "first \\boxed{1}, no: \\boxed{3}", [1, 1, 0]),
    ("first_error", "\\boxed{None}", [1, 1, 1]),
    ("first_error", "\\boxed{4}", [NAN] * 3),
    ("first_error", "\\boxed{0}", [NAN] * 3),
    (
      "critic",
      "Step 1 is correct. Step 2 is incorrect. Step 3 is correct",
      [1, 0, NAN],
    ),
    ("critic", "step 1 is correct, Step 3 is correct", [1, NAN, 1]),
    ("critic", "Step 1 is correctly done", [NAN] * 3),
    ("answers", "<think>x</think><answer>1 0 1</answer>", [1, 0, 1]),
    ("answers", "<answer>1 1 1</answer> <answer>0,1,1</answer>", [0, 1, 1]),
    ("answers", "<answer>1 0</answer>", [NAN] * 3),
    ("answers", "<answer>1 0 2</answer>", [NAN] * 3),
    ("last_step", "So. Is the step correct (Yes/No)? No", [NAN, NAN, 0]),
    ("last_step", "Is the step correct (Yes/No)? Nothing", [NAN] * 3),
    ("last_step", "Is the step correct (Yes/No)? Yes\n" * 2, [NAN] * 3),
    ("code", "\\boxed{No} or \\boxed{Yes}", [NAN, NAN, 1]),
    ("table", "Is the step correct (Yes/No)? Yes", [NAN, NAN, 1]),
  ],
)
def test_readings(form, text, expected):
  np.testing.assert_array_equal(read(text, form), expected)


@pytest.mark.parametrize("form", FORMS)
def test_garbage_is_unread_and_never_a_zero(form):
  for text in ("", "yes", "No.", "the step is wrong", "\\boxed{", "<answer>", "0"):
    assert np.isnan(read(text, form)).all(), text


@pytest.mark.parametrize("form", FORMS)
def test_asked_about_one_step_only_that_one_is_read(form):
  answers = [
    R + R,
    "\\boxed{none}",
    "Step 1 is correct. Step 2 is correct.",
    "<answer>1 1</answer>",
    "Is the step correct (Yes/No)? Yes",
    "\\boxed{Yes}",
  ]
  ask = dataclasses.replace(ASK, upto=1)
  found = [read(text, form, ask) for text in answers]
  assert sum(not np.isnan(row).all() for row in found) == 1
  for row in found:
    assert np.isnan(row[0]) and np.isnan(row[2]) and row[1] != 0


def test_a_step_that_is_not_there():
  with pytest.raises(ValueError, match="step 3 of 3"):
    Ask("q", ("a", "b", "c"), 3)
  with pytest.raises(UserError, match="no form 'critik'"):
    prompt(ASK, form="critik")


def test_accepting_and_rejecting():
  """A critique without a verdict and without a mistake does neither."""
  for row in itertools.product([1.0, 0.0, NAN], repeat=3):
    said = np.array(row)
    assert accepts(said) == all(x == 1 for x in row)
    assert rejects(said) == any(x == 0 for x in row)
  assert not accepts(np.array([1, NAN])) and not rejects(np.array([1, NAN]))


def test_places_of_verdicts():
  asked = "So.\nIs the step correct (Yes/No)?"
  text = f"{judgement.STEP_QUESTION} we will see. {asked} Yes, really"
  (place,) = places(text, ASK, form="last_step")
  assert place == (2, text[: text.index(" Yes, really")])
  # Without the question it is put behind the text.
  assert places("So.", ASK, form="last_step") == [(2, asked)]
  (place,) = places(f"a {R} b {W} rest", ASK, form="steps")
  assert place == (2, f"a {R} b {W}\n{judgement.SOLUTION_QUESTION}")
  assert places("nothing", ASK, form="steps") == []
  text = "<think>0</think><answer>1, 0,1</answer>"
  found = places(text, ASK, form="answers")
  assert [step for step, _ in found] == [0, 1, 2]
  assert [text[len(before)] for _, before in found] == ["1", "0", "1"]
  one = places(text, dataclasses.replace(ASK, upto=None), form="answers")
  assert one == found
  (place,) = places("a \\boxed{No} b \\boxed{Yes}", ASK, form="code")
  assert place == (2, "a \\boxed{No} b \\boxed{")
  with pytest.raises(UserError, match="no yes-probability"):
    places("", ASK, form="critic")


# --- tasks --------------------------------------------------------------------------


def judged(number, labels, texts, outcome=None, **entry):
  """A solution whose k-th step is said as wk, with what a judge wrote."""
  steps = tuple(f"w{number}.{k}\n" for k in range(len(labels)))
  entries = [
    {"upto": upto, "vote": i, "text": text, **entry}
    for i, (upto, text) in enumerate(texts)
  ]
  return Solution(
    problem=str(number),
    question=f"question {number}",
    steps=steps,
    labels=tuple(labels),
    outcome=outcome,
    about={"judged": {"texts": entries}},
  )


def file_of(tmp_path, found):
  path = tmp_path / "judged.jsonl"
  path.write_text("".join(map(to_line, found)))
  return str(path)


def test_judging_is_right_up_to_the_first_wrong_step(tmp_path):
  found = [judged(i, [1.0, 0.0, 1.0], []) for i in range(30)]
  task = judged_steps.judged_steps(path=file_of(tmp_path, found), form="grader")
  assert len(task.train) + len(task.test) == 30
  problem = task.train[0]
  score = lambda text: judged_steps.verify(problem, text).score
  assert score(R + W + R) == score(R + W + W) == score(R + W) == 1
  assert score(W + W + R) == score(R + R + R) == score("") == 0
  assert judged_steps.verify(problem, "").formatted is False
  assert judged_steps.verify(problem, R + W).answer == "right wrong ?"
  assert problem.answer == "right wrong right"
  asked = {p.data["asked"] for p in task.train} & {p.data["asked"] for p in task.test}
  assert not asked


def test_steps_are_asked_about_up_to_the_first_wrong_one(tmp_path):
  found = [judged(i, [1.0, None, 0.6, 0.2, 1.0], []) for i in range(30)]
  task = judged_steps.judged_steps(path=file_of(tmp_path, found), form="last_step")
  problems = [*task.train, *task.test]
  assert sorted({p.data["upto"] for p in problems}) == [0, 2, 3]
  assert len(problems) == 90
  for problem in problems:
    text = "Is the step correct (Yes/No)? " + (
      "No" if problem.data["upto"] == 3 else "Yes"
    )
    assert judged_steps.verify(problem, text).score == 1
    assert judged_steps.verify(problem, text.replace("Yes/No", "x")).score == 0
  # No question is judged on both sides, whatever its steps.
  sides = [{p.data["asked"] for p in side} for side in (task.train, task.test)]
  assert not sides[0] & sides[1]


def test_labels_are_needed(tmp_path):
  with pytest.raises(UserError, match="no step has a label"):
    judged_steps.judged_steps(path=file_of(tmp_path, [judged(0, [None], [])]))


def test_thinkprm_keeps_what_agrees_and_cuts_it(tmp_path):
  """With garbage behind a right first error it is kept; its end is the label's."""
  right = [(None, f"bad {R}"), (None, f"a {R} b {R} tail"), (None, f"late {R}{R}")]
  wrong = [(None, f"{R}{R}"), (None, f"a {R} b {W} garbage")]
  none = [(None, "nothing"), (None, f"{W}{R}")]
  found = [judged(i, [1.0, 1.0], right) for i in range(10)]
  found += [judged(i, [1.0, 0.0], wrong) for i in range(10, 20)]
  found += [judged(i, [1.0, 0.0], none) for i in range(20, 30)]
  task = kept_judgements.kept_judgements(path=file_of(tmp_path, found))
  texts = {p.data["asked"]: p.data["solution"] for p in task.train}
  question = judgement.SOLUTION_QUESTION
  for asked, text in texts.items():
    number = int(asked.split()[1])
    assert number < 20
    verdict = f"b {R}\n{question} Yes" if number < 10 else f"b {W}\n{question} No"
    assert text == f"a {R} {verdict}"
  assert len(task.test) > 0 and "solution" not in task.test[0].data
  with pytest.raises(UserError, match="no text of form 'critic' agrees"):
    kept_judgements.kept_judgements(path=file_of(tmp_path, found), form="critic")


def test_texts_belong_to_their_step(tmp_path):
  say = lambda word: f"so. {judgement.STEP_QUESTION} {word}"
  texts = [(0, say("No")), (1, say("No") + " yes"), (0, say("Yes"))]
  found = [judged(i, [1.0, 0.0], texts) for i in range(20)]
  path = file_of(tmp_path, found)
  task = kept_judgements.kept_judgements(path=path, form="last_step")
  for problem in task.train:
    assert problem.data["solution"] == say("No" if problem.data["upto"] else "Yes")
  code = kept_judgements.kept_judgements(
    path=file_of(
      tmp_path, [judged(i, [1.0], [(0, "\\boxed{Yes} x")]) for i in range(20)]
    ),
    form="code",
  )
  assert code.train[0].data["solution"] == "\\boxed{Yes} x"


SAY = {w: f"so. {judgement.STEP_QUESTION} {w}" for w in ("Yes", "No")}


def pairs_of(words, label=1.0, tails=None):
  texts = [f"{i} {SAY[w]}" if w in SAY else w for i, w in enumerate(words)]
  texts = [t + (tails or {}).get(i, "") for i, t in enumerate(texts)]
  found = judged(0, [label], [(0, t) for t in texts])
  (ask,) = judged_steps.asks_of(found, "last_step")
  problem = judged_steps.problem_of(found, ask, "last_step")
  return [(int(a[0]), int(b[0])) for a, b in judgement_pairs.pairs(problem, texts)]


def test_r_prm_pairs():
  """More than a third right; at most two, in order; the chosen ends in its verdict."""
  assert pairs_of(["Yes", "No"]) == [(0, 1)]
  assert pairs_of(["No", "Yes", "No", "Yes"]) == [(1, 0), (1, 2)]
  assert pairs_of(["Yes", "Yes", "No"]) == [(0, 2), (1, 2)]
  assert pairs_of(["Yes", "No", "No"]) == []  # 3 readable, 3 |G| = 3
  assert pairs_of(["Yes", "No", "what"]) == [(0, 1)]  # what is unread does not count
  assert pairs_of(["Yes", "Yes"]) == pairs_of(["No", "No"]) == []
  assert pairs_of(["Yes", "No"], tails={0: " but"}) == []
  assert pairs_of(["Yes", "No"], tails={1: " but"}) == [(0, 1)]
  assert pairs_of(["Yes", "No"], label=0.0) == [(1, 0)]


def test_pairs_are_balanced_and_recorded(tmp_path):
  both = [(0, "1" + SAY["Yes"]), (0, "2" + SAY["No"]), (0, "3" + SAY["Yes"])]
  both.append((0, "4" + SAY["No"]))
  found = [judged(i, [1.0 if i % 3 else 0.0], both) for i in range(60)]
  task = judgement_pairs.judgement_pairs(path=file_of(tmp_path, found))
  count = {True: 0, False: 0}
  for problem in task.train:
    recorded = problem.data["solutions"]
    right = [one for one in recorded if one["outcome"] == 1]
    wrong = [one for one in recorded if one["outcome"] == 0]
    count[0.0 not in problem.data["labels"]] += len(right) * len(wrong)
    for one in right:
      assert judged_steps.verify(problem, one["steps"][0]).score == 1
    for one in wrong:
      assert judged_steps.verify(problem, one["steps"][0]).score == 0
  assert count[True] == count[False] > 5
  again = judgement_pairs.judgement_pairs(path=file_of(tmp_path, found))
  assert [p.question for p in again.train] == [p.question for p in task.train]
  with pytest.raises(UserError, match="no pairs"):
    same = [judged(i, [1.0], both) for i in range(30)]
    judgement_pairs.judgement_pairs(path=file_of(tmp_path, same))
  with pytest.raises(UserError, match="judges all steps"):
    judgement_pairs.judgement_pairs(path=file_of(tmp_path, found), form="critic")


FINE = "Step 1 is correct. Step 2 is correct."
FAULT = "Step 1 is correct. Step 2 is incorrect."
HOLE = "Step 2 is correct."


@pytest.mark.parametrize(
  "outcome, texts, rewrite_right, kept",
  [
    (1.0, [FINE], None, [FINE]),
    (1.0, [FAULT], 1.0, []),  # it rejects what is right
    (1.0, [HOLE], None, []),  # a missing verdict is no acceptance
    (1.0, [HOLE, FAULT, FINE], 1.0, [FINE]),  # later tries
    (0.0, [FINE], None, []),
    (0.0, [HOLE], 1.0, []),
    (0.0, [FAULT], 1.0, [FAULT, "anew"]),
    (0.0, [FAULT], 0.0, []),  # the step that it names was not the mistake
    (0.0, [FAULT], None, []),
  ],
)
def test_critic_cot_keeps_what_outcomes_bear_out(outcome, texts, rewrite_right, kept):
  entry = {"rewrite": "anew", "rewrite_right": rewrite_right}
  one = judged(0, [None, None], [(None, t) for t in texts], outcome, **entry)
  found = kept_critiques.kept(one)
  assert [problem.data["solution"] for problem in found] == kept
  if len(found) == 2:
    assert "w0.0" in found[1].question and FAULT in found[1].question
    # A critique that names the same step is right, whatever it says behind it.
    assert judged_steps.verify(found[0], FAULT + " Step 3 is correct").score == 1
    assert judged_steps.verify(found[0], FINE).score == 0


def test_as_many_right_and_wrong_critiques_at_most(tmp_path):
  entry = {"rewrite": "anew", "rewrite_right": 1.0}
  found = []
  for question in range(12):
    for i in range(9):
      one = judged(100 * question + i, [None] * 2, [(None, FAULT)], 0.0, **entry)
      fine = judged(100 * question + 50 + i, [None] * 2, [(None, FINE)], 1.0)
      both = [dataclasses.replace(x, question=f"q{question}") for x in (one, fine)]
      found += both
  task = kept_critiques.kept_critiques(path=file_of(tmp_path, found), each=3)
  problems = [*task.train, *task.test]
  for side, count in ((FINE, 3), (FAULT, 3)):
    for question in {p.data["asked"] for p in task.train}:
      same = [p for p in problems if p.data["asked"] == question]
      assert sum(p.data["solution"] == side for p in same) == count
  assert all(p.data["labels"] for p in task.test) and len(task.test) > 0

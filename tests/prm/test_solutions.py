"""The format of labelled solutions: what is written is read, what is bad is named."""

import dataclasses
import json

import pytest
import tokenizers

from jaxrl.errors import UserError
from jaxrl.models.tokenizer import Tokenizer, byte_tokenizer
from jaxrl.pick import pick
from jaxrl.prm import solutions
from jaxrl.prm.solutions import Solution, from_line, read, to_line, tokenize

GOOD = Solution(
  problem="a1",
  question="1+1=?",
  answer="2",
  source="sums",
  steps=("1+1=2\n", "#### 2"),
  labels=(1.0, None),
  outcome=1.0,
  messages=({"role": "user", "content": "1+1=? A line a step."},),
  about={"rule": {"name": "x"}},
)


def merging_tokenizer():
  """A BPE tokenizer that glues newlines to their neighbours."""
  backend = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
  trainer = tokenizers.trainers.BpeTrainer(
    vocab_size=120, special_tokens=["<unk>", "<pad>", "</s>"], show_progress=False
  )
  backend.decoder = tokenizers.decoders.Fuse()
  texts = ["one.\n\nTwo.\nThree.\n\nFour two.\nOne."] * 20
  backend.train_from_iterator(texts, trainer)
  return Tokenizer(backend, eos_id=2, pad_id=1)


def test_a_line_is_read_as_it_was_written():
  assert from_line(to_line(GOOD).encode()) == GOOD
  assert to_line(GOOD).count("\n") == 1
  older = dataclasses.asdict(GOOD)
  del older["messages"]
  unsaid = dataclasses.replace(GOOD, messages=())
  assert from_line(json.dumps(older).encode()) == unsaid


BAD = [
  ({"labels": [1.0]}, "1 labels for 2 steps"),
  ({"labels": [1.0, "yes"]}, "label 1 is 'yes', no finite number"),
  ({"labels": [True, None]}, "label 0 is True"),
  ({"labels": [float("nan"), None]}, "label 0 is nan"),
  ({"labels": None}, "'labels' is no list"),
  ({"steps": ["a", ""]}, "'steps' is no list of texts, none of them empty"),
  ({"outcome": 2}, "the outcome is 2, not within 0..1"),
  ({"question": " "}, "no text under 'question'"),
  ({"lables": []}, "it has 'lables', that no solution has"),
  ({"messages": "1+1=?"}, "'messages' is no list of turns"),
  ({"messages": [{"role": "user"}]}, "'messages' is no list of turns"),
  ({"messages": [{"role": "user", "content": 2}]}, "'messages' is no list of turns"),
]


@pytest.mark.parametrize("changes, said", BAD)
def test_a_bad_record_is_named_with_its_line(tmp_path, changes, said):
  path = tmp_path / "labels.jsonl"
  record = {**dataclasses.asdict(GOOD), **changes}
  path.write_text(to_line(GOOD) + json.dumps(record) + "\n")
  with pytest.raises(UserError, match=r"labels.jsonl:2: .*on_bad_line=skip") as error:
    read(path)
  assert said in str(error.value)
  assert read(path, on_bad_line="skip") == [GOOD]


def test_a_shard_that_was_cut_short_is_named_or_skipped(tmp_path, caplog):
  (tmp_path / "0.jsonl").write_text(to_line(GOOD))
  (tmp_path / "1.jsonl").write_text(to_line(GOOD) + to_line(GOOD)[:40])
  with pytest.raises(UserError, match=r"1.jsonl:2: no JSON object \(was the file cut"):
    read(tmp_path)
  assert read(tmp_path, on_bad_line="skip") == [GOOD, GOOD]
  assert "skipped 1 bad lines" in caplog.text


def test_a_file_that_is_not_there_or_empty_is_an_error(tmp_path):
  with pytest.raises(UserError, match="no file of labelled solutions"):
    read(tmp_path / "none.jsonl")
  (tmp_path / "empty.jsonl").touch()
  with pytest.raises(UserError, match="it holds no solution"):
    read(tmp_path / "empty.jsonl")


@pytest.mark.parametrize("tokenizer", [byte_tokenizer(), merging_tokenizer()])
@pytest.mark.parametrize(
  "steps",
  [
    ("one.\n", "Two.\n", "Three."),
    ("one.\n\n", "Two.\n", "Three.\n\n", "Four"),
    ("o", "ne", ".\nTw", "o."),  # ends amid what may be one token
    ("One.",),
  ],
)
def test_steps_end_with_the_token_of_their_last_character(tokenizer, steps):
  ids, ends = tokenize(tokenizer, steps)
  assert ids == tokenizer.encode("".join(steps)) and ends[-1] == len(ids) - 1
  length = 0
  for step, end in zip(steps, ends, strict=True):
    length += len(step)
    assert len(tokenizer.decode(ids[: end + 1])) >= length
    assert len(tokenizer.decode(ids[:end])) < length


def task(tmp_path, *lines, **options):
  path = tmp_path / "labels.jsonl"
  path.write_text("".join(map(to_line, lines)))
  return pick("tasks", "labelled_steps", path=str(path), **options)()


def asking(question, labels, outcome=None):
  return dataclasses.replace(
    GOOD, question=question, problem=question, labels=labels, outcome=outcome
  )


def test_a_question_has_all_its_solutions_and_one_side(tmp_path):
  lines = [asking(f"{i}?", (1.0, 0.0), i % 2 / 1) for i in range(20) for _ in range(2)]
  made = task(tmp_path, *lines, test_fraction=0.3)
  assert {len(p.data["solutions"]) for p in (*made.train, *made.test)} == {2}
  sides = [{p.question for p in side} for side in (made.train, made.test)]
  assert not sides[0] & sides[1] and len(sides[0] | sides[1]) == 20


def turns(*texts):
  roles = ("system", "user")[-len(texts) :]
  return tuple(
    {"role": r, "content": text} for r, text in zip(roles, texts, strict=True)
  )


def test_questions_are_asked_as_their_solutions_were(tmp_path):
  """Those to one question for other turns are another problem, on the same side."""
  asked = {"a": turns("Be brief.", "{}? Tests: 1"), "b": turns("{}? Tests: 1")}
  lines = [
    dataclasses.replace(asking(f"{i}?", (1.0, 0.0)), messages=messages, answer=name)
    for i in range(20)
    for name, messages in asked.items()
    for _ in range(2)
  ]
  made = task(tmp_path, *lines, test_fraction=0.3)
  every = (*made.train, *made.test)
  assert len(every) == 40 and {len(p.data["solutions"]) for p in every} == {2}
  assert all(made.messages(p) == list(asked[p.answer]) for p in every)
  sides = [{p.question for p in side} for side in (made.train, made.test)]
  assert not sides[0] & sides[1]
  for name in ("instruction", "system"):
    with pytest.raises(UserError, match=f"how they were asked.*leave {name} out"):
      task(tmp_path, *lines, test_fraction=0.3, **{name: ""})


def test_a_benchmarks_questions_are_asked_as_the_config_says(tmp_path, caplog):
  unsaid = [
    dataclasses.replace(asking(f"{i}?", (1.0, 0.0)), messages=()) for i in range(20)
  ]
  said = dataclasses.replace(asking("said", (1.0, 0.0)), messages=turns("said!"))
  settings = {"test_fraction": 0.3, "instruction": "Go.", "system": "Be brief."}
  made = task(tmp_path, *unsaid, said, **settings)
  asked = {p.question: made.messages(p) for p in (*made.train, *made.test)}
  assert asked["3?"] == list(turns("Be brief.", "3?\n\nGo."))
  assert asked["said"] == list(turns("said!")) and not caplog.records
  plain = task(tmp_path, *unsaid, said, test_fraction=0.3)
  assert plain.messages(plain.train[0])[0]["content"] == plain.train[0].question
  assert "20 questions do not say how they were asked" in caplog.text


def test_labels_of_which_none_is_positive_are_an_error(tmp_path):
  lines = [asking(f"{i}?", (0.0, None)) for i in range(20)]
  with pytest.raises(UserError, match=r"of .* labels none says that a step is right"):
    task(tmp_path, *lines, test_fraction=0.3)


def test_labelled_steps_cannot_score_new_texts(tmp_path):
  lines = [asking(f"{i}?", (1.0, 0.0)) for i in range(20)]
  made = task(tmp_path, *lines, test_fraction=0.3)
  with pytest.raises(ValueError, match="only holds solutions that were scored before"):
    made.verify(made.train[0], "x")


def test_read_gives_what_finished_counts(tmp_path):
  """A line that was not written whole is taken off, and its problem done again."""
  from jaxrl.prm.label import finished

  path = tmp_path / "labels.jsonl"
  path.write_text(to_line(GOOD) + to_line(asking("b", (1.0, 1.0)))[:30])
  assert finished(path) == {"a1"}
  assert path.read_text() == to_line(GOOD)
  assert finished(tmp_path / "none.jsonl") == set()
  assert solutions.read(path) == [GOOD]

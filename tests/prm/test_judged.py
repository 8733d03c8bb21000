"""Files of solutions that are judged, rewritten and learnt from, on a tiny model."""

import dataclasses
import itertools
import pathlib

import jax
import numpy as np
import pytest

from jaxrl import cli, draw, loop, prompts
from jaxrl.build import build
from jaxrl.config import EvaluationConfig, SamplingConfig
from jaxrl.errors import UserError
from jaxrl.explore.groups import groups
from jaxrl.explore.with_programs import with_programs
from jaxrl.prm import held_out, judged, judgement
from jaxrl.prm.judge import Chain, Judge, Written
from jaxrl.prm.judgement import Settings
from jaxrl.prm.refine import Draft, Rewriter
from jaxrl.prm.solutions import Solution, read, to_line
from jaxrl.rollout import Responses
from tests import own
from tests.prm.test_judge import CODE, KEY, config
from tests.prm.test_judgement import judged as judged_texts


@pytest.fixture(scope="module")
def built(tmp_path_factory):
  run, state = build(config(tmp_path_factory.mktemp("judged")))
  return run, state.params


# --- rewrites -----------------------------------------------------------------------


def test_rewrites_start_at_the_wrong_step_and_are_verified(built):
  run, params = built
  problem = run.task.train[0]
  with draw.verifiers(run) as pool:
    rewriter = Rewriter(run, params, pool, {problem.id: problem}, batch_rows=2)
    drafts = [
      Draft(problem.id, problem.question, ("a\n", "b\n", "c\n"), 1, "b is wrong", 0),
      Draft("unknown", "what?", ("a\n",), 0, "a is wrong", 1),
      Draft("unknown", "what?" * 400, ("a\n", "b\n"), 1, "too long", 2),
    ]
    found = rewriter(drafts, KEY)
    (verdict,) = pool.verify([(problem, "a\n" + found[0].text)])
  assert found[0].steps[0] == "a\n" and "b\n" not in found[0].steps
  assert "".join(found[0].steps[1:]) == found[0].text != ""
  assert found[0].outcome == float(verdict.score >= 1)
  assert found[1].outcome is None and found[1].text != found[0].text
  assert (found[2].text, found[2].steps) == ("", ("a\n",))


# --- files --------------------------------------------------------------------------


def solutions(count=5):
  return [
    Solution(
      problem=str(i),
      question=f"{i // 2}+1?",
      steps=("so\n", f"{i}\n")[: 1 + i % 2],
      labels=(1.0, 0.0)[: 1 + i % 2],
      outcome=float(1 - i % 2),
      about={"answer": str(i)},
    )
    for i in range(count)
  ]


def file_of(path, found):
  path.write_text("".join(map(to_line, found)))
  return path


def test_a_file_is_judged_alike_in_any_batches_and_after_a_kill(built, tmp_path):
  source = file_of(tmp_path / "in.jsonl", solutions())
  settings = Settings(form="last_step", votes=2, batch_solutions=2)
  whole = tmp_path / "whole.jsonl"
  metrics = judged.judge_file(*built, source, whole, settings)
  found = read(whole)
  assert [one.steps for one in found] == [one.steps for one in solutions()]
  for one in found:
    about = one.about["judged"]
    assert about["form"] == "last_step" and len(about["scores"]) == len(one.steps)
    assert about["score"] == pytest.approx(min(about["scores"]))
    assert [(t["upto"], t["vote"]) for t in about["texts"]] == [
      (step, vote) for step in range(len(one.steps)) for vote in range(2)
    ]
    assert about["accepted"] == 0.0  # nothing was read
  assert {"process_bench_f1", "step_auroc", "ece", "majority_accuracy"} <= set(metrics)
  assert metrics["texts"] == metrics["unread_texts"] == 14
  killed = tmp_path / "killed.jsonl"
  lines = whole.read_bytes().splitlines(keepends=True)
  killed.write_bytes(b"".join(lines[:1]) + lines[1][:40])
  narrow = dataclasses.replace(settings, batch_solutions=1)
  again = judged.judge_file(*built, source, killed, narrow)
  assert again["judged_before"] == 1 and again["texts"] == 12
  same = lambda one: [t["text"] for t in one.about["judged"]["texts"]]
  assert list(map(same, read(killed))) == list(map(same, found))
  scores = lambda path: [one.about["judged"]["scores"] for one in read(path)]
  for a, b in zip(scores(killed), scores(whole), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-5)
  other = file_of(tmp_path / "other.jsonl", solutions()[1:])
  with pytest.raises(UserError, match="other solutions"):
    judged.judge_file(*built, other, whole, settings)
  whole.write_text("{}\n")
  with pytest.raises(UserError, match="move it away"):
    judged.judge_file(*built, source, whole, settings)


def is_wrong(step):
  return sum(map(ord, step)) % 3 == 0


class ByCharacters(Judge):
  """A judge by rule: its critiques are true of `is_wrong`, in the second vote too."""

  def write(self, asks, key, *, numbers=None, by_prefix=False):
    found = []
    for place, vote in itertools.product(range(len(asks)), range(self.votes)):
      words = {True: "incorrect", False: "correct"}
      said = [words[is_wrong(step)] for step in asks[place].steps]
      text = " ".join(f"Step {i + 1} is {word}." for i, word in enumerate(said))
      found.append(Written(place, vote, Chain(asks[place], [], 0, text=text)))
    return found


def test_rewrites_until_the_judge_accepts(built):
  """Each rejecting text has its rewrite; a solution that passes stays as it is."""
  run, params = built
  problems = run.task.train[:12]
  found = []
  for i, problem in enumerate(problems):
    steps = tuple(f"{'abcdefghijkl'[i]}{(k * i) % 7}\n" for k in range(1 + i % 3))
    found.append(Solution(problem.id, problem.question, steps, (None,) * len(steps)))
  settings = Settings(form="critic", votes=2, refine=2)
  known = {problem.id: problem for problem in problems}
  with draw.verifiers(run) as pool:
    rewriter = Rewriter(run, params, pool, known)
    judge = ByCharacters(*built, form="critic", votes=2)
    lines = judged.FileJudge(judge, rewriter, settings)(found, 0)
  counts = {0: 0, 1: 0, 2: 0}
  for old, new, problem in zip(found, lines, problems, strict=True):
    about = new.about["judged"]
    wrong = [is_wrong(step) for step in old.steps]
    refined, texts = about["refined"], about["texts"]
    counts[refined["rewrites"]] += 1
    assert about["accepted"] == float(not any(wrong))
    assert refined["accepted"] == (not any(map(is_wrong, refined["steps"])))
    if not any(wrong):
      assert refined["steps"] == list(old.steps) and refined["outcome"] is None
      assert not any("rewrite" in text for text in texts)
      continue
    whole = ["".join(old.steps[: wrong.index(True)]) + t["rewrite"] for t in texts]
    right = [own.parity(problem, text, levels=2).score for text in whole]
    assert [text["rewrite_right"] for text in texts] == right
    assert whole[0] != whole[1]  # each text has its own
    now = "".join(refined["steps"])
    assert refined["outcome"] == own.parity(problem, now, levels=2).score
    assert (now == whole[0]) == (refined["rewrites"] == 1)
    assert refined["accepted"] or refined["rewrites"] == 2
  assert all(counts.values()), counts


def judged_as(number, question, answer, outcome, score, accepted, **more):
  about = {"scores": [score], "score": score, "accepted": accepted, **more}
  return Solution(
    problem=str(number),
    question=question,
    steps=("x\n",),
    labels=(None,),
    outcome=outcome,
    about={"answer": answer, "judged": about},
  )


def test_choosing_among_own_solutions():
  """Two wrong answers outvote a right one, which the judge prefers."""
  found = [
    judged_as(0, "q", "7", 0.0, 0.3, 0.0),
    judged_as(1, "q", "7", 0.0, 0.2, 0.0),
    judged_as(2, "q", "8", 1.0, 0.9, 1.0),
    judged_as(3, "r", "1", 1.0, 0.6, 1.0),
    judged_as(4, "r", "2", 0.0, 0.7, 1.0, refined={"outcome": 1.0}),
    judged_as(5, "r", "1", 1.0, None, 0.5),
  ]
  metrics = judged.metrics(found)
  assert metrics["majority_accuracy"] == 0.5 and metrics["filter_vote_accuracy"] == 1.0
  assert metrics["self_prm_accuracy"] == 0.5
  assert metrics["precision"] == pytest.approx(2 / 3) and metrics["accuracy"] == 0.5
  assert metrics["refined_accuracy"] == 1.0
  assert not any(name.startswith("process_bench") for name in metrics)


def test_a_judge_that_accepts_all_is_the_majority_and_the_mean_accuracy():
  rng = np.random.default_rng(0)
  found = []
  for question in range(20):
    for _ in range(5):
      answer = int(rng.integers(0, 3))
      right = float(answer == 0)
      found.append(judged_as(len(found), f"q{question}", str(answer), right, 1.0, 1.0))
  metrics = judged.metrics(found)
  assert metrics["self_prm_accuracy"] == metrics["majority_accuracy"]
  assert metrics["filter_vote_accuracy"] == metrics["majority_accuracy"]
  assert metrics["precision"] == metrics["accuracy"]
  assert 0 < metrics["majority_accuracy"] < 1


# --- training -----------------------------------------------------------------------


def said_by(run, texts, stop):
  """Responses that say these texts, each token as likely as its number over 1000."""
  width, rows = run.rules.max_tokens, [run.tokenizer.encode(text) for text in texts]
  rows = [ids + [run.tokenizer.eos_id] * stop for ids in rows]
  tokens = np.zeros((len(rows), width), np.int32)
  mask = np.zeros((len(rows), width), np.float32)
  for i, ids in enumerate(rows):
    tokens[i, : len(ids)], mask[i, : len(ids)] = ids, 1.0
  logp = -(np.arange(width) + 1.0)[None] * mask / 1000
  truncated = np.full(len(rows), 1.0 - stop, np.float32)
  return Responses(tokens, mask, logp, 2 * logp, truncated, np.int32(1))


def test_outputs_of_programs_stand_in_rows_and_do_not_train(tmp_path, monkeypatch):
  sampling = SamplingConfig(
    max_prompt_tokens=16, max_response_tokens=140, prompt_bucket_tokens=16
  )
  run, state = build(config(tmp_path, sampling=sampling))
  program = CODE.format("print(6 * 7)")
  # The second runs into the limit with its output, the third has no program.
  texts = [program, " " * 30 + CODE.format("print('y' * 500)"), "no program", program]
  problems = run.task.train[:2]

  def scripted(run, variables, problems, *_, **__):
    asked = [run.tokenizer.encode(problem.question) for problem in problems]
    tokens, lengths = prompts.pad(asked, bucket=8, max_tokens=16, pad_id=0)
    return tokens, lengths, said_by(run, texts, stop=True)

  monkeypatch.setattr(draw, "respond", scripted)
  variables = run.policy.variables(state.params, run.frozen)
  with draw.verifiers(run) as pool:
    drawn = with_programs(run, pool, variables, problems, KEY, 2, 0)
  batch = jax.device_get(drawn.batch)
  prefix = program[: program.index("made up")].rstrip("\n")
  heard = "\n<output>\n42\n</output>\n"
  for i in (0, 3):
    assert drawn.texts[i].startswith(prefix + heard)
    start = int(batch.prompt_tokens[i])
    at = start + len(prefix)
    assert batch.mask[i, start:at].all()
    assert not batch.mask[i, at : at + len(heard)].any()
    assert batch.mask[i, at + len(heard)] == 1.0  # what the model says behind it
    assert bytes(batch.tokens[i, at : at + len(heard)].tolist()).decode() == heard
    np.testing.assert_allclose(
      batch.logp_old[i, start:at], -(np.arange(len(prefix)) + 1) / 1000, rtol=1e-6
    )
    assert (batch.positions[i, : at + len(heard)] == np.arange(at + len(heard))).all()
  assert drawn.texts[0] != drawn.texts[3]  # each draws its own
  assert batch.truncated[1] == 1.0 and drawn.texts[1].endswith("y")
  assert drawn.texts[2] == "no program" and batch.truncated[2] == 0.0
  assert batch.mask[2].sum() == len("no program") + 1
  # What was sampled behind an output is as likely as the scorer has it.
  forward = jax.jit(run.policy.forward, static_argnums=3)
  logp = forward(state.params, run.frozen, drawn.batch, ("logp",)).logp
  for i in (0, 3):
    behind = np.arange(batch.mask.shape[1]) >= (
      int(batch.prompt_tokens[i]) + len(prefix + heard)
    )
    on = behind & (batch.mask[i] > 0)
    np.testing.assert_allclose(
      np.asarray(logp)[i, on], batch.logp_old[i, on], atol=1e-4
    )


def test_without_programs_it_is_the_plain_group(tmp_path):
  run, state = build(config(tmp_path))
  variables = run.policy.variables(state.params, run.frozen)
  args = run.task.train[:2], jax.random.fold_in(KEY, 0), 2, 0
  with draw.verifiers(run) as pool:
    plain = groups(run, pool, variables, *args)
    found = with_programs(run, pool, variables, args[0], KEY, 2, 0)
  assert found.texts == plain.texts and found.outcomes == plain.outcomes
  for name in ("tokens", "mask", "logp_old", "logp_sampling", "truncated", "score"):
    a, b = (getattr(x.batch, name) for x in (found, plain))
    real = np.asarray(plain.batch.mask) if a.ndim == 2 else 1.0
    np.testing.assert_array_equal(np.asarray(a) * real, np.asarray(b) * real, name)


def test_pairs_of_judgements_are_groups(tmp_path):
  """Texts of a step's pairs as rows: right ones have a score, and all of them train."""
  say = lambda n, word: f"{n} {judgement.STEP_QUESTION} {word}"
  texts = [(0, say(i, word)) for i, word in enumerate(("Yes", "No", "No", "Yes"))]
  found = [judged_texts(i, [float(i % 2)], texts) for i in range(40)]
  sampling = SamplingConfig(
    max_prompt_tokens=1024, max_response_tokens=48, prompt_bucket_tokens=1024
  )
  path = str(file_of(tmp_path / "judged.jsonl", found))
  run, _ = build(
    config(
      tmp_path / "run",
      task={"name": "judgement_pairs", "path": path},
      explore={"name": "recorded", "train": "responses"},
      sampling=sampling,
    )
  )
  assert not held_out.is_labelled(run)  # its test prompts are to be answered
  problems = run.task.train[:2]
  drawn = run.explore(run, None, None, problems, KEY, 3, 0)
  scores = np.asarray(drawn.batch.score).reshape(2, 3)
  np.testing.assert_array_equal(scores.sum(1), [1, 1])
  for i, text in enumerate(drawn.texts):
    problem = problems[i // 3]
    right = "Yes" if problem.data["labels"] == [1.0] else "No"
    assert scores.reshape(-1)[i] == text.endswith(right)
    assert np.asarray(drawn.batch.mask)[i].sum() == len(text) + 1


def test_from_judged_solutions_to_a_trained_judge(tmp_path, capsys):
  """`jaxrl judge` writes what the tasks read, and they train."""
  saved = tmp_path / "start"
  loop.fit(config(saved, steps=1, prompts_per_step=2, group_size=2, micro_batches=1))
  source = file_of(tmp_path / "in.jsonl", solutions(6))
  target = tmp_path / "out.jsonl"
  command = ["judge", str(saved), str(source), str(target), "--form", "critic"]
  assert cli.main([*command, "--refine", "1"]) == 0
  printed = capsys.readouterr().out
  assert '"unread_texts": 6.0' in printed and '"accuracy": 0.5' in printed
  assert cli.main(["judge", str(saved), str(source)]) == 2
  assert "the .jsonl file to write" in capsys.readouterr().err
  assert cli.main(["judge", str(saved), str(source), str(target), "--form", "x"]) == 2
  assert "no form 'x'" in capsys.readouterr().err
  # A random model judges nothing: its texts are replaced by such as are right.
  found = []
  for one in read(target):
    wrong = 0.0 in one.labels
    text = " ".join(
      f"Step {i + 1} is {'correct' if label else 'incorrect'}."
      for i, label in enumerate(one.labels)
    )
    entry = {"upto": None, "text": text}
    entry |= {"rewrite": "anew", "rewrite_right": 1.0} if wrong else {}
    about = {**one.about, "judged": {**one.about["judged"], "texts": [entry]}}
    found.append(dataclasses.replace(one, about=about))
  path = str(file_of(tmp_path / "judged.jsonl", found))
  sampling = SamplingConfig(
    max_prompt_tokens=1024, max_response_tokens=96, prompt_bucket_tokens=1024
  )
  run = config(
    tmp_path / "run",
    steps=2,
    prompts_per_step=2,
    group_size=1,
    micro_batches=1,
    sampling=sampling,
    rewards=({"name": "accuracy"},),
    task={"name": "kept_critiques", "path": path, "test_fraction": 0.3},
    explore={"name": "demonstrations"},
    selectors=({"name": "drop_truncated"},),
    loss={"name": "sft"},
    evaluation=EvaluationConfig(problems=2, batch_rows=2),
  )
  directory = loop.fit(run)
  assert (pathlib.Path(directory) / "metrics.jsonl").exists()

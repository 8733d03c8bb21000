"""Judges on a tiny model: what they draw, run and weigh, and files of solutions."""

import dataclasses
import functools
import math
import pathlib
import tempfile

import jax
import numpy as np
import pytest

from jaxrl.build import build
from jaxrl.config import EvaluationConfig, ModelConfig, SamplingConfig, VerifyConfig
from jaxrl.errors import UserError
from jaxrl.models.decoder import init_params
from jaxrl.models.save import save
from jaxrl.models.tokenizer import byte_tokenizer
from jaxrl.prm import judge as judge_lib
from jaxrl.prm import judgement, writing
from jaxrl.prm.judge import Chain, Judge, Written, mean_vote
from jaxrl.prm.judgement import Ask
from tests import tiny
from tests.prm.test_judgement import R, W

NAN = math.nan
KEY = jax.random.key(3)
ASKS = [
  Ask("1+1?", ("so 2\n", "it is 2\n")),
  Ask("2+2?", ("so 5\n",)),
  Ask("3+3? " + "long " * 30, ("first\n", "second\n", "third\n"), 1),
]
POSITIONS = 1600


@functools.cache
def model_directory():
  """As `tiny.model_directory`, with room for a judge's prompt in bytes."""
  directory = pathlib.Path(tempfile.mkdtemp(prefix="jaxrl-judge-")) / "model"
  config = dataclasses.replace(
    tiny.DECODER, max_positions=POSITIONS, num_layers=1, mlp_dim=32
  )
  save(directory, config, init_params(config, jax.random.key(0)), byte_tokenizer())
  return str(directory)


def config(directory, **changes):
  settings = {
    "model": ModelConfig(path=model_directory(), chat=False, logit_chunk_tokens=32),
    "sampling": SamplingConfig(
      max_prompt_tokens=1024, max_response_tokens=12, prompt_bucket_tokens=512
    ),
    "evaluation": EvaluationConfig(problems=0),
    "verify": VerifyConfig(workers=1),
    "cut": {"name": "fixed_length", "tokens": 4},
    "responses_per_row": 1,
    "task": {"name": f"{tiny.OWN}:parity_task"},
    "labels_of": {"name": f"{tiny.OWN}:parity_task"},
  }
  return tiny.config(directory, **{**settings, **changes})


@pytest.fixture(scope="module")
def built(tmp_path_factory):
  run, state = build(config(tmp_path_factory.mktemp("judge")))
  return run, state.params


def texts_of(judge, asks, **more):
  return [(w.place, w.vote, w.chain.text) for w in judge.write(asks, KEY, **more)]


def test_neither_batches_nor_neighbours_change_a_text(built):
  wide = Judge(*built, votes=2, batch_asks=4)
  whole = texts_of(wide, ASKS)
  assert len(whole) == len(set(whole)) == 6
  assert [x[:2] for x in whole] == [(p, v) for p in range(3) for v in range(2)]
  assert texts_of(Judge(*built, votes=2, batch_asks=1), ASKS) == whole
  alone = texts_of(wide, ASKS[1:2], numbers=[1])
  assert [x[2] for x in alone] == [x[2] for x in whole if x[0] == 1]
  other = texts_of(wide, ASKS[1:2])
  assert [x[2] for x in other] != [x[2] for x in alone]


def test_numbers_may_pass_int32(built):
  """The same lower halves draw anew for each upper half, and neighbours change none."""
  judge = Judge(*built, votes=2, batch_asks=4)
  same = [ASKS[1]] * 3
  texts = [x[2] for x in texts_of(judge, same, numbers=[0, 2**30, 2**31])]
  assert len(set(texts)) == 6
  assert texts[:2] == [x[2] for x in texts_of(judge, same[:1], numbers=[0])]
  assert texts[4:] == [x[2] for x in texts_of(judge, same[:1], numbers=[2**31])]
  # Below it a number is the sampler's id, and the key what it was.
  ids, keys = writing._named(np.array([5, 2**31 - 1, 2**31 + 5]), KEY)
  assert ids.tolist() == [5, 2**31 - 1, 5]
  assert (keys == KEY).tolist() == [True, True, False]


def test_a_step_at_a_time_where_the_form_judges_one(built):
  judge = Judge(*built, form="last_step", votes=2)
  written = judge.write(ASKS, KEY)
  asked = [(w.place, w.chain.ask.upto) for w in written if w.vote == 0]
  assert asked == [(0, 0), (0, 1), (1, 0), (2, 1)]
  said = judge(ASKS, KEY)
  assert [x.shape for x in said] == [(2, 2), (2, 1), (2, 3)]
  assert all(np.isnan(x).all() for x in said)  # a random model says nothing
  assert judge.counts["unread_texts"] == 8 and judge.counts["texts"] == 16


def test_what_is_too_long_is_counted_and_left_out(built):
  judge = Judge(*built, votes=2)
  asks = [ASKS[0], Ask("long " * 300, ("x\n",))]
  said = judge(asks, KEY)
  assert judge.counts["asks_too_long"] == 1 and judge.counts["texts"] == 2
  assert np.isnan(said[1]).all() and said[1].shape == (2, 1)
  with pytest.raises(UserError, match="no form 'step'"):
    Judge(*built, form="step")


def written(text, ask=ASKS[0], place=0, vote=0):
  return Written(place, vote, Chain(ask, [1, 2, 3], row=0, text=text))


def test_verdicts_of_votes(built):
  judge = Judge(*built, form="grader", votes=3)
  texts = [R + W, "garbage", W + W]
  found = judge.read(ASKS[:1], [written(text, vote=i) for i, text in enumerate(texts)])
  np.testing.assert_array_equal(found[0], [[1, 0], [NAN, NAN], [0, 0]])
  assert judge.counts["unread_texts"] == 1
  np.testing.assert_array_equal(mean_vote(found[0]), [0.5, 0])
  assert np.isnan(mean_vote(np.full((2, 1), NAN))).all()


def log_prob(built, prefix, word):
  """Mean log-prob of a word behind a prefix, token by token, from plain logits."""
  run, params = built
  total = 0.0
  for i, token in enumerate(word):
    logits = tiny.plain(run, params, prefix + word[:i], width=256)[1][-1]
    total += logits[token] - np.log(np.exp(logits).sum())
  return total / len(word)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_yes_probability_is_of_the_forced_words(built, temperature):
  run, _ = built
  judge = Judge(*built, form="last_step", decision_temperature=temperature)
  ask = dataclasses.replace(ASKS[0], upto=1)
  one = written("I see no mistake", ask)
  (found,) = judge.weigh([ask], [one])
  assert np.isnan(found[0, 0])
  text = f"I see no mistake\n{judgement.STEP_QUESTION}"
  prefix = [1, 2, 3, *run.tokenizer.encode(text)]
  yes, no = (
    log_prob(built, prefix, run.tokenizer.encode(word)) for word in (" Yes", " No")
  )
  expected = math.exp(yes / temperature) / (
    math.exp(yes / temperature) + math.exp(no / temperature)
  )
  assert found[0, 1] == pytest.approx(expected, rel=1e-4)
  assert 0 < expected < 1 and abs(expected - 0.5) > 1e-3


def test_step_scores_are_means_of_probabilities(built):
  judge = Judge(*built, form="last_step", votes=3)
  each = judge.yes_probability(ASKS, KEY)
  scores = judge.step_scores(ASKS, KEY)
  assert [x.shape for x in each] == [(3, 2), (3, 1), (3, 3)]
  for p, score, ask in zip(each, scores, ASKS, strict=True):
    np.testing.assert_allclose(score, p.mean(axis=0))
    asked = [ask.upto] if ask.upto is not None else range(len(ask.steps))
    assert [i for i in range(len(score)) if not np.isnan(score[i])] == list(asked)
  assert len(np.unique(np.concatenate([x[~np.isnan(x)] for x in each]))) > 6


def test_form_steps_is_weighed_by_prefix(built):
  judge = Judge(*built, form="steps")
  asked = [(w.place, w.chain.ask.upto) for w in judge.write(ASKS, KEY, by_prefix=True)]
  assert asked == [(0, 0), (0, 1), (1, 0), (2, 1)]
  said = judge.yes_probability(ASKS, KEY)
  assert all(np.isnan(x).all() for x in said)
  assert judge.counts["texts_without_place"] == 4


def test_another_look_counts_alone(built):
  once, twice = Judge(*built), Judge(*built, rechecks=1)
  (first,), (second,) = once.write(ASKS[:1], KEY), twice.write(ASKS[:1], KEY)
  assert second.chain.before == first.chain.text + judge_lib.LOOK_AGAIN
  assert second.chain.text != first.chain.text
  # Without room for another look the first one stands.
  full = Judge(*built, rechecks=1, answer_tokens=POSITIONS - 700)
  chain = Chain(ASKS[0], [1] * 690, row=0, text="x" * 20)
  assert full._with_room([chain], judge_lib.LOOK_AGAIN) == []
  assert full.counts["without_room"] == 1


CODE = (
  "<analyze>a</analyze>\n<verify>\n```python\n{}\n```\n</verify>\nmade up <output>9"
)


def test_programs_are_run_and_their_outputs_stay(built):
  run, _ = built
  sources = [
    "print(6 * 7)",
    "print(1 / 0)",
    "while True:\n  pass",
    "open('/etc/passwd').read()",
    "import os\nos._exit(0)",
    "print('x' * 10**6)",
  ]
  chains = [
    Chain(ASKS[0], [1, 2, 3], row=i, text=CODE.format(source))
    for i, source in enumerate(sources)
  ]
  chains.append(Chain(ASKS[0], [1, 2, 3], row=9, text="<verify>no code</verify> so"))
  with judge_lib.programs(run) as pool:
    judge = Judge(*built, form="code", programs=pool, batch_asks=8)
    judge._run_programs(chains, KEY, 1)
  outputs = [
    chain.text.split("<output>\n")[1].split("\n</output>")[0] for chain in chains[:-1]
  ]
  assert outputs[0] == "42"
  assert outputs[1] == "ZeroDivisionError: division by zero"
  assert outputs[2].startswith("no output")
  assert "Error" in outputs[3] and "root" not in outputs[3]
  assert outputs[4].startswith("no output")
  assert set(outputs[5]) == {"x"} and len(outputs[5]) < 1000
  for chain in chains[:-1]:
    assert "made up" not in chain.text and chain.text[chain.settled :] != ""
  assert chains[-1].text == "<verify>no code</verify> so"
  assert judge.counts["programs_run"] == 4 and judge.counts["programs_failed"] == 2
  with pytest.raises(UserError, match=r"judge\.programs"):
    Judge(*built, form="code")

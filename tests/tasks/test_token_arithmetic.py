import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import token_arithmetic as tokens
from jaxrl.errors import UserError
from jaxrl.tasks.token_arithmetic import token_arithmetic

# Compiled as a whole: operation by operation, every shape costs a dozen compilations.
score = jax.jit(tokens.score, static_argnames="stop_token")
encode_prompts = jax.jit(tokens.encode_prompts, static_argnames="max_operand")


def text(row: np.ndarray, length: int) -> str:
  return bytes(row[:length].tolist()).decode()


@pytest.mark.parametrize("max_operand", [1, 12, 100])
def test_prompts_are_the_questions(max_operand):
  task = token_arithmetic(max_operand=max_operand, test_fraction=0.4)
  sides = tokens.operand_pairs(max_operand, 0.4)
  for problems, pairs in zip((task.train, task.test), sides, strict=True):
    prompts, lengths = encode_prompts(jnp.asarray(pairs), max_operand=max_operand)
    prompts, lengths = np.array(prompts), np.array(lengths)
    questions = [text(*row) for row in zip(prompts, lengths, strict=True)]
    assert questions == [p.question for p in problems]
    assert [p.answer for p in problems] == [str(a + b) for a, b in pairs.tolist()]
    assert (prompts[np.arange(prompts.shape[1]) >= lengths[:, None]] == 0).all()
  every = [p.question for side in (task.train, task.test) for p in side]
  assert len(set(every)) == len(every) == (max_operand + 1) ** 2
  assert task.messages(task.train[0]) == [
    {"role": "user", "content": task.train[0].question}
  ]


def test_drawn_inside_a_compiled_program():
  train = jnp.asarray(tokens.operand_pairs(99, 0.2)[0])
  allowed = {tokens.prompt_text(a, b): a + b for a, b in train.tolist()}

  @jax.jit
  def draw(keys):
    return jax.vmap(
      lambda key: tokens.sample_problems(key, train, rows=64, max_operand=99)
    )(keys)

  prompts, lengths, answers = draw(jax.random.split(jax.random.key(0), 3))
  assert prompts.shape == (3, 64, 6) and prompts.dtype == jnp.int32
  flat = zip(
    np.array(prompts).reshape(-1, 6), lengths.ravel(), answers.ravel(), strict=True
  )
  drawn = [(text(row, length), int(answer)) for row, length, answer in flat]
  assert all(allowed[question] == answer for question, answer in drawn)
  assert len(set(drawn)) > 150  # other keys, other problems


@pytest.mark.parametrize("stop", [256, 10, 0])
def test_the_text_verifier_scores_as_the_compiled_one(stop):
  """On every response that stopped: the text is what comes before the stop token."""
  rng = np.random.default_rng(0)
  task = token_arithmetic(max_operand=150, test_fraction=0.1)
  rows, width = 4000, 6
  problems = [task.train[int(i)] for i in rng.integers(0, len(task.train), rows)]
  responses = rng.integers(ord("0"), ord("9") + 1, (rows, width))
  for row, problem in zip(responses, problems, strict=True):
    answer = list(problem.answer.encode())
    kind = rng.integers(6)
    if kind < 3:
      row[: len(answer)] = answer  # right, where the stop token follows
      row[len(answer)] = stop
    if kind == 1:
      row[rng.integers(width)] = rng.choice([32, 48, 65, stop, 200])
    if kind == 3:
      row[rng.integers(width)] = stop
  mask = np.zeros((rows, width), bool)
  texts: list[str | None] = []
  for row, inside in zip(responses, mask, strict=True):
    stops = np.flatnonzero(row == stop)
    end = int(stops[0]) if len(stops) else width
    inside[: end + 1] = True
    text = bytes(row[:end].tolist()).decode(errors="replace")
    texts.append(text if len(stops) else None)
  answers = jnp.array([int(p.answer) for p in problems])
  scores = score(jnp.array(responses), jnp.array(mask), answers, stop_token=stop)
  wanted = [
    0.0 if t is None else task.verify(p, t).score
    for p, t in zip(problems, texts, strict=True)
  ]
  np.testing.assert_array_equal(np.array(scores), wanted)
  assert 0.2 < np.mean(wanted) < 0.6 and texts.count(None) > 100


@pytest.mark.parametrize(
  ("response", "mask", "right"),
  [
    ("46$", "111", True),
    ("46$9", "1110", True),
    ("46$9", "1111", False),  # went on after its stop token
    ("46", "11", False),  # no stop token, and no room for one
    ("46$", "110", False),
    ("46$", "011", False),
    ("4$$", "111", False),
    ("046$", "1111", False),
    ("46", "00", False),
  ],
)
def test_score_by_hand(response, mask, right):
  row = jnp.array([[ord(c) for c in response]])
  inside = jnp.array([[c == "1" for c in mask]])
  for given in (inside, inside.astype(jnp.float32)):
    given_score = score(row, given, jnp.array([46]), stop_token=ord("$"))
    assert given_score.tolist() == [float(right)]


@pytest.mark.parametrize("answer", [0, 9, 10, 99, 100, 1998, 2**31 - 1])
def test_every_width_of_answer(answer):
  row = [*str(answer).encode(), tokens.STOP_TOKEN]
  given_score = score(
    jnp.array([row]), jnp.ones((1, len(row)), bool), jnp.array([answer])
  )
  assert given_score.tolist() == [1.0]


def test_out_of_range():
  for wrong in ({"max_operand": 0}, {"max_operand": 1000}, {"test_fraction": 1.0}):
    with pytest.raises(UserError):
      token_arithmetic(**wrong)
  with pytest.raises(UserError, match="empty"):
    token_arithmetic(max_operand=1, test_fraction=1e-9)


def test_verdicts():
  task = token_arithmetic(max_operand=9)
  problem = next(p for p in task.train if len(p.answer) == 2)
  for response, formatted in ((" 12", False), ("", False), ("٤٦", False), ("99", True)):
    verdict = task.verify(problem, response)
    assert (verdict.score, verdict.formatted) == (0.0, formatted)
  assert task.verify(problem, problem.answer).score == 1.0

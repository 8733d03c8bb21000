"""Sums on token ids, as pure functions: a task that runs inside a compiled program.

A prompt is the bytes of "12+34=", with byte value = token id; a right response is the
digits of the sum, then the stop token, then nothing. `tasks/token_arithmetic` asks and
scores the same problems as text.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxrl.problems import in_test

STOP_TOKEN = 256  # the first id that is no byte
_ZERO, _PLUS, _EQUALS = b"0+="
_DIGITS_MAX = 10  # of an int32


def prompt_text(a: int, b: int) -> str:
  """The prompt, and the text whose hash decides the split."""
  return f"{a}+{b}="


def operand_pairs(
  max_operand: int, test_fraction: float
) -> tuple[Int[np.ndarray, "K 2"], Int[np.ndarray, "L 2"]]:
  """(train, test): every pair of operands 0..max_operand, split by its question.

  On the host, once: the hash is the one that splits the text problems.
  """
  values = range(max_operand + 1)
  sides: tuple[list, list] = ([], [])
  for a in values:
    for b in values:
      sides[in_test(prompt_text(a, b), test_fraction)].append((a, b))
  train, test = (np.asarray(side, np.int32).reshape(-1, 2) for side in sides)
  return train, test


def sample_problems(
  key: jax.Array, pairs: Int[Array, "K 2"], *, rows: int, max_operand: int
) -> tuple[Int[Array, "N P"], Int[Array, " N"], Int[Array, " N"]]:
  """Prompts, their lengths and the answers of `rows` pairs, drawn with replacement.

  The key is consumed. P is static, 2 * digits(max_operand) + 2; prompts are
  left-aligned and padded with 0.
  """
  drawn = pairs[jax.random.randint(key, (rows,), 0, pairs.shape[0])]
  prompts, lengths = encode_prompts(drawn, max_operand=max_operand)
  return prompts, lengths, drawn.sum(-1)


def encode_prompts(
  pairs: Int[Array, "N 2"], *, max_operand: int
) -> tuple[Int[Array, "N P"], Int[Array, " N"]]:
  """The bytes of "a+b=" and how many there are."""
  width = 2 * len(str(max_operand)) + 2
  a, b = pairs[:, :1], pairs[:, 1:]
  after_a = _digit_count(a)
  after_b = after_a + 1 + _digit_count(b)
  at = jnp.arange(width)[None]
  tokens = jnp.select(
    [at < after_a, at == after_a, at < after_b, at == after_b],
    [_digit(a, at), _PLUS, _digit(b, at - after_a - 1), _EQUALS],
    0,
  )
  return tokens.astype(jnp.int32), (after_b + 1)[:, 0].astype(jnp.int32)


def score(
  responses: Int[Array, "B R"],
  mask: Bool[Array, "B R"] | Float[Array, "B R"],
  answers: Int[Array, " B"],
  *,
  stop_token: int = STOP_TOKEN,
) -> Float[Array, " B"]:
  """1.0 for exactly the digits of the answer and the stop token, else 0.0.

  `mask` marks the response's tokens, the stop token included, from position 0 on.
  """
  at = jnp.arange(responses.shape[1])[None]
  count = _digit_count(answers[:, None])
  expected = jnp.where(at < count, _digit(answers[:, None], at), stop_token)
  inside = mask.astype(bool)
  right = (responses == expected) & inside
  exact = jnp.where(at <= count, right, ~inside).all(-1)
  fits = count[:, 0] < responses.shape[1]  # else there was no room to stop
  return (exact & fits).astype(jnp.float32)


def _digit_count(value: Int[Array, "N 1"]) -> Int[Array, "N 1"]:
  powers = 10 ** jnp.arange(1, _DIGITS_MAX)[None]  # up to 10^9, inside int32
  return 1 + (value >= powers).sum(-1, keepdims=True)


def _digit(value: Int[Array, "N 1"], at: Int[Array, "..."]) -> Int[Array, "N P"]:
  """The byte of digit `at` of each value, the first digit at 0; any byte outside."""
  place = jnp.clip(_digit_count(value) - 1 - at, 0, _DIGITS_MAX - 1)
  return _ZERO + value // 10**place % 10

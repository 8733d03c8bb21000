"""The scorer against the plain computation; its memory from the compiled program."""

import dataclasses
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import scoring
from jaxrl.models.cache import EMPTY
from jaxrl.models.decoder import Decoder, init_params
from jaxrl.models.heads import PartitionHead, ValueHead
from jaxrl.packing import Packing
from jaxrl.types import Rollouts
from tests import tiny

B, P, R = 6, 4, 8
GROUP = 3


def batch(vocabulary, rows=B, prompt=P, response=R):
  """Groups of three with prompts of their own lengths, gaps, and an empty row."""
  rng = np.random.default_rng(0)
  width = prompt + response
  tokens = rng.integers(0, vocabulary, size=(rows, width))
  tokens[:, :prompt] = np.repeat(tokens[::GROUP, :prompt], GROUP, axis=0)[:rows]
  before = np.repeat(rng.integers(2, prompt + 1, size=rows), GROUP)[:rows]
  length = before + rng.integers(4, response + 1, size=rows)
  t = np.arange(width)[None]
  real = t < length[:, None]
  mask = (real & (t >= before[:, None])).astype(np.float32)
  mask[1, before[1] + 2] = 0  # a gap, as a tool's output makes
  mask[2] = 0  # nothing trains
  zeros = jnp.zeros(rows)
  full = jnp.zeros((rows, width))
  return Rollouts(
    tokens=jnp.asarray(tokens, jnp.int32),
    positions=jnp.asarray(np.where(real, t, EMPTY), jnp.int32),
    mask=jnp.asarray(mask),
    prompt_tokens=jnp.asarray(before, jnp.int32),
    group=jnp.arange(rows, dtype=jnp.int32) // GROUP,
    truncated=zeros,
    logp_old=full,
    logp_sampling=full,
    score=zeros,
    formatted=zeros,
    scored=zeros + 1,
  )


def score(decoder, params, rows, **options):
  options = {"response_width": R, "chunk_tokens": 16, "temperature": 1.0} | options
  return scoring.score(
    decoder, {"params": params}, rows, needs=("logp", "entropy"), **options
  )


@functools.partial(jax.jit, static_argnums=0)
def hidden_and_logits(decoder, params, rows):
  hidden, _ = decoder.apply({"params": params}, rows.tokens, rows.positions)
  return hidden, decoder.apply({"params": params}, hidden, method="logits")


def plain(decoder, params, rows, temperature):
  """The same by the book: every logit of every token at once."""
  _, logits = hidden_and_logits(decoder, params, rows)
  logits = logits / temperature
  logp = jax.nn.log_softmax(logits)[:, :-1]
  chosen = jnp.take_along_axis(logp, rows.tokens[:, 1:, None], axis=-1)[..., 0]
  entropy = -jnp.sum(jnp.exp(logp) * logp, axis=-1)
  pad = lambda x: jnp.pad(x, ((0, 0), (1, 0))) * rows.mask
  return pad(chosen), pad(entropy)


@pytest.mark.parametrize("responses_per_row", [1, 3])
def test_collisions_values_and_log_partition(responses_per_row):
  """Each against its definition, on the hidden states of the plain forward pass."""
  decoder = Decoder(tiny.DECODER)
  params = init_params(tiny.DECODER, jax.random.key(0))
  rows = batch(tiny.DECODER.vocab_size)
  hidden, logits = hidden_and_logits(decoder, params, rows)
  noisy = lambda tree: jax.tree.map(
    lambda x: x + 0.3 * jax.random.normal(jax.random.key(5), x.shape),
    nn.meta.unbox(tree),
  )
  value_head = noisy(ValueHead().init(jax.random.key(1), hidden)["params"])
  partition = noisy(PartitionHead().init(jax.random.key(2), hidden[:, 0])["params"])
  variables = {"params": params, "partition": partition}
  layout = {"response_width": R, "responses_per_row": responses_per_row}

  @jax.jit
  def ours(variables, value_head, rows):
    needs = {"needs": ("collision", "log_partition"), "temperature": 0.7}
    got = scoring.score(decoder, variables, rows, chunk_tokens=16, **needs, **layout)
    return got, scoring.values(decoder, variables, value_head, rows, **layout)

  got, values = ours(variables, value_head, rows)
  assert got.entropy is None

  shift = lambda x: np.pad(np.asarray(x)[:, :-1], ((0, 0), (1, 0))) * rows.mask
  collision = jnp.sum(jax.nn.softmax(logits / 0.7) ** 2, axis=-1)
  np.testing.assert_allclose(got.collision, shift(collision), atol=1e-5)
  plain = hidden @ value_head["kernel"] + value_head["bias"][None, None]
  np.testing.assert_allclose(values, shift(plain[..., 0]), atol=1e-4)
  for row, length in enumerate(np.asarray(rows.prompt_tokens)):
    mean = jnp.mean(hidden[row, :length], axis=0, keepdims=True)
    log_z = PartitionHead().apply({"params": partition}, mean)[0]
    expected = float(log_z) * np.asarray(rows.mask[row])
    np.testing.assert_allclose(got.log_partition[row], expected, atol=1e-4)


@jax.jit
@functools.partial(jax.grad, has_aux=True)
def theirs(params, rows, temperature):
  logp, entropy = plain(Decoder(tiny.DECODER), params, rows, temperature)
  return jnp.sum(logp * rows.tokens) + jnp.sum(entropy), (logp, entropy)


@pytest.mark.parametrize(
  "temperature, chunk_tokens, responses_per_row",
  [(1.0, 1, 1), (0.6, 16, 3), (1.0, 1000, 3)],
)
def test_equals_the_plain_computation(temperature, chunk_tokens, responses_per_row):
  """Values and gradients, with and without prompts shared in a row."""
  decoder = Decoder(tiny.DECODER)
  params = init_params(tiny.DECODER, jax.random.key(0))
  rows = batch(259)
  options = {
    "temperature": temperature,
    "chunk_tokens": chunk_tokens,
    "responses_per_row": responses_per_row,
  }

  def ours(params):
    out = score(decoder, params, rows, **options)
    return jnp.sum(out.logp * rows.tokens) + jnp.sum(out.entropy), out

  grads, out = jax.jit(jax.grad(ours, has_aux=True))(params)
  expected, (logp, entropy) = theirs(params, rows, temperature)
  assert float(rows.mask.sum()) > 20
  np.testing.assert_allclose(out.logp, logp, atol=1e-5)
  np.testing.assert_allclose(out.entropy, entropy, atol=1e-5)
  assert np.all(np.asarray(out.logp)[np.asarray(rows.mask) == 0] == 0)
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-3), grads, expected
  )


def test_memory_is_far_below_a_full_array_of_logits():
  """Forward and backward, from the compiled program: vocabulary times all tokens never
  exists. The plain computation does hold it, which shows that the measure sees it."""
  config = dataclasses.replace(tiny.DECODER, vocab_size=32_768)
  decoder = Decoder(config)
  params = jax.eval_shape(lambda: init_params(config, jax.random.key(0)))
  rows = batch(config.vocab_size, rows=9, prompt=4, response=60)
  whole = 9 * 60 * config.vocab_size * 4  # bytes of [B, R, V] in float32
  # The gradient of the tied table is an output; its accumulation needs copies.
  tables = 3 * config.vocab_size * config.embed_dim * 4

  def temporary(fn):
    grad = jax.jit(jax.grad(lambda p: jnp.sum(fn(p))))
    return grad.lower(params).compile().memory_analysis().temp_size_in_bytes

  chunked = temporary(lambda p: score(decoder, p, rows, response_width=60).logp)
  full = temporary(lambda p: plain(decoder, p, rows, 1.0)[0])
  assert full > whole
  assert chunked < tables + whole / 4


def test_the_mean_of_a_long_prompt_in_bfloat16():
  """Sums of bfloat16 numbers would end where one more is lost in rounding."""
  asked, width = 1000, 8
  total = asked + 2
  whole = np.random.default_rng(0).normal(1.0, 0.1, size=(1, total, width))
  head = PartitionHead().init(jax.random.key(0), jnp.zeros((1, width)))["params"]
  noise = lambda x: x + 0.1 * jax.random.normal(jax.random.key(1), x.shape)
  head = jax.tree.map(noise, head)
  row = lambda *parts: jnp.asarray([np.concatenate(parts)], jnp.int32)
  packing = Packing(
    source=row(np.arange(total)),
    segment=row(np.zeros(asked), np.ones(2)),
    prefix=row(-np.ones(asked), np.zeros(2)),
    before=row([asked - 1, asked]),
    target=row([asked, asked + 1]),
  )
  hidden = jnp.asarray(whole, jnp.bfloat16)
  got = scoring._log_partition(head, hidden, packing, total)
  mean = jnp.mean(hidden[:, :asked].astype(jnp.float32), axis=1)
  expected = PartitionHead().apply({"params": head}, mean)
  np.testing.assert_allclose(got, [[expected[0]] * 2], atol=1e-5)

"""The scorer against the plain computation, and its memory from the compiled program."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import scoring
from jaxrl.models.cache import EMPTY
from jaxrl.models.decoder import Decoder, init_params
from jaxrl.types import Rollouts
from tests import tiny

B, T = 5, 12


def batch(vocabulary, rows=B, width=T):
  rng = np.random.default_rng(0)
  length = rng.integers(5, width + 1, size=rows)
  t = np.arange(width)[None]
  real = t < length[:, None]
  mask = (real & (t >= 3)).astype(np.float32)
  mask[1, 5] = 0  # a gap, as a tool's output makes
  mask[2] = 0  # nothing trains
  zeros = jnp.zeros(rows)
  full = jnp.zeros((rows, width))
  return Rollouts(
    tokens=jnp.asarray(rng.integers(0, vocabulary, size=(rows, width)), jnp.int32),
    positions=jnp.asarray(np.where(real, t, EMPTY), jnp.int32),
    mask=jnp.asarray(mask),
    group=jnp.arange(rows, dtype=jnp.int32),
    truncated=zeros,
    logp_old=full,
    logp_sampling=full,
    score=zeros,
    formatted=zeros,
    scored=zeros + 1,
  )


def score(decoder, params, rows, **options):
  options = {"trained_tokens": T, "chunk_tokens": 16, "temperature": 1.0} | options
  return scoring.score(
    decoder, {"params": params}, rows, needs=("logp", "entropy"), **options
  )


def plain(decoder, params, rows, temperature):
  """The same by the book: every logit of every token at once."""
  hidden, _ = decoder.apply({"params": params}, rows.tokens, rows.positions)
  logits = decoder.apply({"params": params}, hidden, method="logits") / temperature
  logp = jax.nn.log_softmax(logits)[:, :-1]
  chosen = jnp.take_along_axis(logp, rows.tokens[:, 1:, None], axis=-1)[..., 0]
  entropy = -jnp.sum(jnp.exp(logp) * logp, axis=-1)
  pad = lambda x: jnp.pad(x, ((0, 0), (1, 0))) * rows.mask
  return pad(chosen), pad(entropy)


@pytest.mark.parametrize("temperature", [1.0, 0.6])
@pytest.mark.parametrize("chunk_tokens", [1, 16, 1000])
def test_equals_the_plain_computation(temperature, chunk_tokens):
  decoder = Decoder(tiny.DECODER)
  params = init_params(tiny.DECODER, jax.random.key(0))
  rows = batch(259)
  options = {"temperature": temperature, "chunk_tokens": chunk_tokens}

  def ours(params):
    out = score(decoder, params, rows, **options)
    return jnp.sum(out.logp * rows.tokens) + jnp.sum(out.entropy), out

  def theirs(params):
    logp, entropy = plain(decoder, params, rows, temperature)
    return jnp.sum(logp * rows.tokens) + jnp.sum(entropy), (logp, entropy)

  grads, out = jax.grad(ours, has_aux=True)(params)
  expected, (logp, entropy) = jax.grad(theirs, has_aux=True)(params)
  np.testing.assert_allclose(out.logp, logp, atol=1e-5)
  np.testing.assert_allclose(out.entropy, entropy, atol=1e-5)
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-3), grads, expected
  )


def test_only_as_many_tokens_a_row_as_train():
  """`trained_tokens` cuts the work and, while it covers the mask, nothing else."""
  decoder = Decoder(tiny.DECODER)
  params = init_params(tiny.DECODER, jax.random.key(0))
  rows = batch(259)
  most = int(rows.mask.sum(-1).max())
  assert most < T
  a, b = score(decoder, params, rows), score(decoder, params, rows, trained_tokens=most)
  np.testing.assert_allclose(a.logp, b.logp, atol=1e-6)
  assert np.all(np.asarray(a.logp)[np.asarray(rows.mask) == 0] == 0)


def test_memory_is_far_below_a_full_array_of_logits():
  """Forward and backward, from the compiled program: vocabulary times all tokens never
  exists. The plain computation does hold it, which shows that the measure sees it."""
  config = dataclasses.replace(tiny.DECODER, vocab_size=32_768)
  decoder = Decoder(config)
  params = jax.eval_shape(lambda: init_params(config, jax.random.key(0)))
  rows = batch(config.vocab_size, rows=8, width=64)
  whole = 8 * 64 * config.vocab_size * 4  # bytes of [B, T, V] in float32
  # The gradient of the tied table is an output; its accumulation needs copies.
  tables = 3 * config.vocab_size * config.embed_dim * 4

  def temporary(fn):
    grad = jax.jit(jax.grad(lambda p: jnp.sum(fn(p))))
    return grad.lower(params).compile().memory_analysis().temp_size_in_bytes

  chunked = temporary(lambda p: score(decoder, p, rows, trained_tokens=64).logp)
  full = temporary(lambda p: plain(decoder, p, rows, 1.0)[0])
  assert full > whole
  assert chunked < tables + whole / 4

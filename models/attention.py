"""Attention: who sees whom, over keys in one place or in several."""

import functools

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxrl.models.cache import EMPTY, Leaf

UNSEEN = -1e30  # finite: a row of nothing but -inf would make softmax NaN
UNLIMITED = 2 * EMPTY - 1  # the reach of a layer without window
RECENT = 5  # tokens before a token, whose weights `recent_weights` gives


@flax.struct.dataclass
class Segments:
  """Which of the sequences packed into a row a token belongs to.

  A token sees its own segment and its prefix: with one prompt as the prefix of several
  responses, the prompt is computed once for all of them.
  """

  ids: jax.Array  # [B, T] int32, 0 and up
  prefix: jax.Array  # [B, T] int32: a segment that is seen as well, -1 for none


@flax.struct.dataclass
class Stored:
  """Keys and values of a cache, of one layer or with a leading axis L of all."""

  k: Leaf  # [B, K, S, h]
  v: Leaf  # [B, K, S, h]
  k_scale: Leaf = None  # [B, K, S] where k is int8
  v_scale: Leaf = None  # [B, K, S]


def visible(
  positions: Int[Array, "B T"],
  key_positions: Int[Array, "B S"],
  segments: Segments | None,
  reach: Int[Array, ""],
) -> Bool[Array, "B T S"]:
  """The one rule of who sees whom: no later, no padding, near, in a segment seen.

  Padding sees nothing either, so that blocks of it may be left out.
  """
  query, key = positions[:, :, None], key_positions[:, None, :]
  seen = (key <= query) & (query < EMPTY) & (query - key < reach)
  if segments is not None:
    owner = segments.ids[:, None, :]
    same = segments.ids[:, :, None] == owner
    seen &= same | (segments.prefix[:, :, None] == owner)
  return seen


def recent_weights(
  q: Float[Array, "B T K G h"],
  k: Float[Array, "B T K h"],
  positions: Int[Array, "B T"],
  segments: Segments | None,
  reach: Int[Array, ""],
  softcap: float | None,
) -> Float[Array, "B T H R"]:
  """What each head of a query gives to the R = RECENT tokens before it, nearest first.

  With all scores at once, in float32: for features of a model that is only read.
  """
  seen = visible(positions, positions, segments, reach)
  scores = jnp.einsum("btkgh,bskh->btkgs", q, k, preferred_element_type=jnp.float32)
  if softcap is not None:
    scores = jnp.tanh(scores / softcap) * softcap
  scores = jnp.where(seen[:, :, None, None], scores, UNSEEN)
  weights = jax.nn.softmax(scores, axis=-1)
  back = positions[:, :, None] - positions[:, None, :]
  near = [seen & (back == n) for n in range(1, RECENT + 1)]
  picked = [jnp.sum(jnp.where(n[:, :, None, None], weights, 0), axis=-1) for n in near]
  return jnp.stack(picked, axis=-1).reshape(*positions.shape, -1, RECENT)


def cached_attention(
  q: Float[Array, "B T K G h"],
  parts: tuple[tuple[Stored, Bool[Array, "B T _"]], ...],
  softcap: float | None,
) -> Float[Array, "B T K G h"]:
  """Softmax attention over keys that lie in several places, as if in one.

  A part of N rows serves B / N neighbouring queries each, and is read once for them.
  """
  rows = q.shape[0]
  scores = []
  for part, seen in parts:
    score = _scores(q, part.k)
    if part.k_scale is not None:
      shared_by = rows // part.k.shape[0]
      score = score * jnp.repeat(part.k_scale, shared_by, axis=0)[:, :, None, None]
    if softcap is not None:
      score = jnp.tanh(score / softcap) * softcap
    scores.append(jnp.where(seen[:, None, None], score, UNSEEN))
  weights = jax.nn.softmax(jnp.concatenate(scores, axis=-1), axis=-1)
  out = jnp.zeros(q.shape, jnp.float32)
  start = 0
  for part, _ in parts:
    slots = part.k.shape[2]
    weight = weights[..., start : start + slots]
    start += slots
    if part.v_scale is not None:
      shared_by = rows // part.v.shape[0]
      weight = weight * jnp.repeat(part.v_scale, shared_by, axis=0)[:, :, None, None]
    out = out + _mixture(weight.astype(q.dtype), part.v)
  blind = ~functools.reduce(jnp.logical_or, (seen.any(-1) for _, seen in parts))
  return jnp.where(blind[:, :, None, None, None], 0.0, out).astype(q.dtype)


def _scores(q: Float[Array, "B T K G h"], k: Array) -> Float[Array, "B K G T S"]:
  """Products of queries with the keys [N, K, S, h] of their part."""
  rows, length, kv_heads, groups, _ = q.shape
  shared = q.reshape(k.shape[0], -1, *q.shape[1:])
  scores = jnp.einsum(
    "nctkgh,nksh->nkcgts",
    shared,
    k.astype(q.dtype),
    preferred_element_type=jnp.float32,
  )
  return jnp.moveaxis(scores, 2, 1).reshape(rows, kv_heads, groups, length, -1)


def _mixture(weights: Float[Array, "B K G T S"], v: Array) -> Float[Array, "B T K G h"]:
  """Values [N, K, S, h] of a part, weighted, in float32."""
  rows, kv_heads, groups, length, _ = weights.shape
  v = v.astype(weights.dtype)
  shared = weights.reshape(v.shape[0], -1, *weights.shape[1:])
  out = jnp.einsum("nckgts,nksh->nkcgth", shared, v, preferred_element_type=jnp.float32)
  out = jnp.moveaxis(out, 2, 1).reshape(rows, kv_heads, groups, length, -1)
  return jnp.moveaxis(out, 3, 1)

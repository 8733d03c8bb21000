"""Where the tokens of a batch lie when a model reads them: several sequences a row.

A packed row holds prompts, each once with responses to it behind it, and a response
sees its own prompt and itself. So a batch costs what it holds, and not its longest
response times its rows; and all micro-batches have one shape, so they compile once.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from jaxrl.types import Leaf, Rollouts

OPEN_PARTS = 32  # that are tried for a further sequence, before a new one is opened


@struct.dataclass
class Packing:
  """M packed rows of W tokens, which predict K tokens each; [parts, ...] if stacked.

  Tokens of the batch [B, T] go by b * T + t; B * T stands for none.
  """

  source: Leaf  # [M, W] int32: the token at each place
  segment: Leaf  # [M, W] int32: the prompt or response that it belongs to
  prefix: Leaf  # [M, W] int32: a response's prompt, which it sees too; else -1
  before: Leaf  # [M, K] int32: the place whose state predicts a token,
  target: Leaf  # [M, K] int32: and the token; those that there are come first
  parts: Leaf = None  # [] int32, if stacked: how many parts hold something


def take(packing: Packing, part: jax.Array) -> Packing:
  """One part of a stacked packing."""
  return jax.tree.map(lambda x: x[part], dataclasses.replace(packing, parts=None))


def trained_in(packing: Packing, batch: Rollouts) -> jax.Array:
  """The batch's mask [B, T], of the tokens that one part predicts."""
  none = jnp.zeros(batch.mask.size, batch.mask.dtype)
  there = none.at[packing.target].set(1.0, mode="drop")
  return batch.mask * there.reshape(batch.mask.shape)


def by_rows(batch: Rollouts, *, response_width: int, share: int) -> Packing:
  """Rows as they are, or `share` neighbours with one prompt in a row. Traceable.

  Every response takes `response_width` places, R, however long it is.
  """
  rows, width = batch.tokens.shape
  prompt = width - response_width
  packed = rows // share
  length = batch.prompt_tokens[::share, None]
  place = jnp.arange(prompt)[None]
  none = rows * width
  first = (jnp.arange(packed) * share * width)[:, None]
  asked = jnp.where(place < length, first + place, none)
  start = batch.prompt_tokens[:, None] + (jnp.arange(rows) * width)[:, None]
  said = start + jnp.arange(response_width)[None]
  owner = jnp.concatenate(
    [
      jnp.zeros(prompt, jnp.int32),
      1 + jnp.arange(share * response_width, dtype=jnp.int32) // response_width,
    ]
  )
  segment = jnp.broadcast_to(owner, (packed, prompt + share * response_width))
  # A response's first token is predicted from the prompt's last.
  inner = prompt + jnp.arange(share * response_width).reshape(share, -1)[:, :-1]
  inner = jnp.broadcast_to(inner[None], (packed, *inner.shape))
  last = jnp.broadcast_to(length[:, :, None] - 1, (packed, share, 1))
  join = lambda x: x.reshape(packed, share * response_width)
  return Packing(
    source=jnp.concatenate([asked, join(said)], axis=1),
    segment=segment,
    prefix=jnp.where(segment == 0, -1, 0),
    before=join(jnp.concatenate([last, inner], axis=2)),
    target=join(said),
  )


def pack(
  mask: np.ndarray,
  prompt_tokens: np.ndarray,
  group: np.ndarray,
  *,
  row_tokens: int,
  rows: int,
  whole_groups: bool = False,
) -> Packing:
  """Parts of `rows` packed rows of `row_tokens` that hold what trains. Host code.

  Args:
    mask: [B, T]; a response counts up to the last token that trains.
    prompt_tokens: [B].
    group: [B]; neighbours of one group share copies of their prompt.
    row_tokens: W, at least the longest prompt with its response.
    rows: M, of each part.
    whole_groups: a group is in one part, for losses over groups.

  Returns:
    As many parts as rows that hold one response each would take: the shapes depend on
    B alone. `parts` says how many hold something.

  Raises:
    ValueError: something is longer than a row, or a whole group than a part.
  """
  batch, width = mask.shape
  used = np.where(mask.any(1), width - np.argmax(mask[:, ::-1] > 0, axis=1), 0)
  units: list[list[list[int]]] = []
  for one in np.unique(group):
    members = np.flatnonzero((group == one) & (used > 0))
    chunks = _chunks(members, prompt_tokens, used, row_tokens)
    units += [chunks] if whole_groups and chunks else [[chunk] for chunk in chunks]
  size = lambda chunk: _size(chunk, prompt_tokens, used)
  units.sort(key=lambda unit: -sum(map(size, unit)))
  parts: list[list[list[list[int]]]] = []  # part -> row -> chunks
  room: list[list[int]] = []
  for unit in units:
    sizes = [size(chunk) for chunk in unit]
    first = max(0, len(parts) - OPEN_PARTS)
    found = ((i, _fit(sizes, room[i])) for i in range(first, len(parts)))
    part, bins = next(((i, bins) for i, bins in found if bins), (len(parts), None))
    if bins is None:
      parts.append([[] for _ in range(rows)])
      room.append([row_tokens] * rows)
      bins = _fit(sizes, room[-1])
    if bins is None:
      raise ValueError(
        f"{sum(sizes)} tokens that belong together do not fit into {rows} rows of "
        f"{row_tokens}"
      )
    for chunk, tokens, at in zip(unit, sizes, bins, strict=True):
      parts[part][at].append(chunk)
      room[part][at] -= tokens
  most = -(-batch // rows) if not whole_groups else len(np.unique(group))
  flat = [row for part in parts for row in part]
  filled = _fill(flat, prompt_tokens, used, (most * rows, row_tokens), width, batch)
  stacked = {name: x.reshape(most, rows, -1) for name, x in filled.items()}
  return Packing(**stacked, parts=np.int32(max(len(parts), 1)))


def _size(chunk: Sequence[int], prompt_tokens: np.ndarray, used: np.ndarray) -> int:
  """Places that a prompt and the responses to it take; a last token needs none.

  But K is W, so no less than there are tokens to predict.
  """
  said = sum(int(used[b] - prompt_tokens[b]) for b in chunk)
  return said + max(0, int(prompt_tokens[chunk[0]]) - len(chunk))


def _chunks(
  members: np.ndarray, prompt_tokens: np.ndarray, used: np.ndarray, row_tokens: int
) -> list[list[int]]:
  """The responses of a group in as few packed rows as they fit in, first fit."""
  chunks: list[list[int]] = []
  for b in sorted(members.tolist(), key=lambda b: -used[b]):
    fits = lambda chunk, b=b: _size([*chunk, b], prompt_tokens, used) <= row_tokens
    chunk = next(filter(fits, chunks), None)
    if chunk is None:
      chunks.append([b])
    else:
      chunk.append(b)
  return chunks


def _fit(sizes: Sequence[int], room: Sequence[int]) -> list[int] | None:
  """For each size the first row that has room for it; None where there is none."""
  left, bins = list(room), []
  for size in sizes:
    at = next((i for i, space in enumerate(left) if space >= size), None)
    if at is None:
      return None
    left[at] -= size
    bins.append(at)
  return bins


def _fill(
  rows: Sequence[Sequence[Sequence[int]]],
  prompt_tokens: np.ndarray,
  used: np.ndarray,
  shape: tuple[int, int],
  width: int,
  batch: int,
) -> dict[str, np.ndarray]:
  """The arrays of Packing, [rows, places] each."""
  none = batch * width
  new = lambda value: np.full(shape, value, np.int32)
  out = {"source": new(none), "segment": new(0), "prefix": new(-1)}
  out |= {"before": new(0), "target": new(none)}
  for row, chunks in enumerate(rows):
    place = segment = predicted = 0
    for chunk in chunks:
      asked = int(prompt_tokens[chunk[0]])
      here = slice(place, place + asked)
      out["source"][row, here] = chunk[0] * width + np.arange(asked)
      out["segment"][row, here] = prompt = segment
      place, segment = place + asked, segment + 1
      last = place - 1
      for b in chunk:
        said = int(used[b]) - asked
        here = slice(place, place + said - 1)
        out["source"][row, here] = b * width + asked + np.arange(said - 1)
        out["segment"][row, here] = segment
        out["prefix"][row, here] = prompt
        where = slice(predicted, predicted + said)
        out["before"][row, where] = [last, *range(place, place + said - 1)]
        out["target"][row, where] = b * width + asked + np.arange(said)
        place, segment, predicted = place + said - 1, segment + 1, predicted + said
    out["segment"][row, place:] = segment
  return out

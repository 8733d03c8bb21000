"""Rows of a language model on their way through a search: continue, read, reorder.

A row is what the sampler keeps of it (`rollout.SamplerState`, one slot each) and what
the model of steps has read of it. Both hold their keys in a cache of their own, behind
the prompt's, which all rows of a problem share: a row that is taken twice is copied,
and nothing that was said or read is computed again. All functions are pure and run
inside jit.

P problems, N = P n rows, those of a problem adjacent. Randomness is a function of (key,
the problem's number, the row's place among its problem's): not of which problems are
searched together.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from jaxrl import rollout
from jaxrl.drawing import SamplingRules
from jaxrl.models import cache as cache_lib
from jaxrl.models.cache import Cache
from jaxrl.models.decoder import Decoder
from jaxrl.models.heads import StepHead
from jaxrl.rollout import Engine, SamplerState
from jaxrl.types import Leaf, PolicyOutputs, Tree

ENGINE = Engine()  # all rows in slots, nothing drafted
# What the sampler keeps of a row, beside its place and its stream of randomness.
OF_ROWS = (
  *("live", "token", "count", "first", "age"),
  *("tokens", "logp", "logp_sampling", "lengths", "stopped"),
)
# What a search keeps of it.
OWN = ("read", "outputs", "score", "finished", "open", "idle", "begins")


@struct.dataclass
class Weights:
  """Arrays that a search reads."""

  policy: Leaf  # as `rollout.weights_of` gives them
  trunk: Leaf  # variables of the model of steps
  head: Leaf  # parameters of its head


@dataclasses.dataclass(frozen=True, eq=False)
class Models:
  """Who speaks and who reads, and where a step ends."""

  policy: Decoder
  rules: SamplingRules  # how tokens are drawn, and what ends a response
  step_ids: tuple[int, ...]  # tokens that end a step and not the response
  step_tokens: int  # a step's, at most
  trunk: Decoder  # of the model of steps
  head: StepHead
  # (outputs of [N, 1], mask [N, 1]) -> scores [N, 1]
  readout: Callable[[PolicyOutputs, Array], Array]


@struct.dataclass
class Rows:
  """N rows; see the module."""

  said: Leaf  # SamplerState
  reader: Leaf  # Cache of the model of steps
  read: Leaf  # [N] int32: tokens of each row that it has read
  outputs: Leaf  # [N, C] what its head said last, of the prompt at first
  score: Leaf  # [N] the readout of that
  finished: Leaf  # [N] bool: the response has ended, or is as long as it may be
  open: Leaf  # [N] bool: its latest step is not complete
  idle: Leaf  # [N] bool: takes no step for now
  begins: Leaf  # [N, R] bool: a step begins with this token
  drawn: Leaf  # [N] int32: tokens drawn in this place, whatever became of them
  numbers: Leaf  # [P] int32: of the problems


def start(
  models: Models,
  weights: Weights,
  prompts: Int[Array, "P L"],
  lengths: Int[Array, " P"],
  numbers: Int[Array, " P"],
  *,
  each: int,
) -> Rows:
  """`each` rows of every problem, before their first step.

  Args:
    models: who speaks and who reads.
    weights: of both.
    prompts: padded on the right.
    lengths: tokens of each prompt.
    numbers: of the problems, which name their randomness.
    each: rows of a problem.
  """
  rows = prompts.shape[0] * each
  slots = models.rules.max_tokens + models.step_tokens
  said = rollout.prepare(
    models.policy,
    weights.policy,
    prompts,
    lengths,
    jnp.arange(rows),
    jax.random.key(0),  # each step brings keys of its own
    rules=models.rules,
    engine=ENGINE,
    slots=slots,
  )
  places = jnp.arange(prompts.shape[1])[None]
  places = jnp.where(places < lengths[:, None], places, cache_lib.EMPTY)
  out: Any = models.trunk.apply(weights.trunk, prompts, places, method="prefill")
  hidden, prefix = out
  reader = cache_lib.init_cache(models.trunk.config, rows, slots)
  last = jnp.take_along_axis(hidden, lengths[:, None, None] - 1, axis=1)
  outputs = jnp.repeat(_outputs(models, weights, last), each, axis=0)
  none, no = jnp.zeros(rows, jnp.int32), jnp.zeros(rows, bool)
  return Rows(
    said=said,
    reader=dataclasses.replace(reader, prefix=prefix),
    read=none,
    outputs=outputs,
    score=_readout(models, outputs),
    finished=no,
    open=no,
    idle=no,
    begins=jnp.zeros(said.tokens.shape, bool),
    drawn=none,
    numbers=numbers,
  )


def expand(
  models: Models,
  weights: Weights,
  rows: Rows,
  key: Key[Array, ""],
  *,
  only_open: bool = False,
  tokens: int | None = None,
  greedy: bool = False,
) -> tuple[Rows, Bool[Array, " N"]]:
  """One more step on every unfinished row, and its score.

  Args:
    models: who speaks and who reads.
    weights: of both.
    rows: as far as they are.
    key: consumed.
    only_open: goes on with rows whose step is not complete, and leaves the others.
    tokens: at most so many, which may leave a step open; None: a whole step.
    greedy: the likeliest tokens instead of drawn ones.

  Returns:
    The rows, and which have finished.
  """
  goes_on = ~rows.finished & ~rows.idle & (rows.open | (not only_open))
  said = _with_keys(rows, key)
  rules = dataclasses.replace(
    models.rules,
    stop_ids=(*models.rules.stop_ids, *models.step_ids),
    greedy=greedy or models.rules.greedy,
  )
  before = said.lengths
  said = rollout.advance(
    models.policy,
    weights.policy,
    dataclasses.replace(said, live=goes_on, stopped=jnp.zeros_like(said.stopped)),
    rules=rules,
    engine=ENGINE,
    passes=models.step_tokens if tokens is None else tokens,
  )
  stop_ids = jnp.array(models.rules.stop_ids, jnp.int32)
  stopped = said.stopped & jnp.isin(said.token, stop_ids)
  stopped = jnp.where(goes_on, stopped, rows.said.stopped)
  ended = stopped | (said.lengths >= models.rules.max_tokens)
  # What is still live had no room for more: open, unless a whole step was asked for.
  unfinished = said.live & ~ended & (tokens is not None)
  places = jnp.arange(said.tokens.shape[1])[None]
  begun = (goes_on & ~rows.open)[:, None] & (places == before[:, None])
  rows = dataclasses.replace(
    rows,
    said=_plain(dataclasses.replace(said, stopped=stopped)),
    begins=rows.begins | begun,
    finished=rows.finished | (goes_on & ended),
    open=jnp.where(goes_on, unfinished, rows.open),
    drawn=rows.drawn + said.lengths - before,
  )
  rows = _read(models, weights, rows, said.lengths - stopped.astype(jnp.int32))
  return rows, rows.finished


def take(rows: Rows, parents: Int[Array, " M"]) -> Rows:
  """Place i becomes row parents[i], of the same problem; M may differ from N."""
  said = rows.said
  count = parents.shape[0]
  taken = {name: getattr(said, name)[parents] for name in OF_ROWS}
  said = dataclasses.replace(
    said,
    **taken,
    row=jnp.arange(count, dtype=jnp.int32),
    keys=said.keys[jnp.arange(count) % said.keys.shape[0]],
    waiting=jnp.asarray(count, jnp.int32),
    cache=_take_cache(said.cache, parents),
  )
  # What was drawn in a place stays on its account; fewer places share it out.
  problems = rows.numbers.shape[0]
  each = count // problems
  drawn = jnp.sum(rows.drawn.reshape(problems, -1), axis=1)
  share = (drawn // each)[:, None] + (jnp.arange(each)[None] < (drawn % each)[:, None])
  same = count == rows.drawn.shape[0]
  return dataclasses.replace(
    rows,
    said=said,
    reader=_take_cache(rows.reader, parents),
    **{name: getattr(rows, name)[parents] for name in OWN},
    drawn=rows.drawn if same else share.reshape(-1).astype(jnp.int32),
  )


def latest(rows: Rows) -> tuple[Int[Array, " N"], Bool[Array, "N R"]]:
  """Where the latest step of each row begins, and its tokens."""
  place = jnp.arange(rows.begins.shape[1])[None]
  first = jnp.max(jnp.where(rows.begins, place, 0), axis=1)
  return first, (place >= first[:, None]) & (place < rows.said.lengths[:, None])


def repeats(rows: Rows) -> Bool[Array, " N"]:
  """Whether the latest step of each row says what an earlier one has said."""
  first, inside = latest(rows)
  tokens, width = rows.said.tokens, rows.begins.shape[1]
  place = jnp.arange(width)

  def same(start: Array, tokens: Array, begins: Array, first: Array, inside: Array):
    """Whether the earlier step that begins at `start` is the latest one."""
    moved = jnp.roll(tokens, first - start)
    ends = begins[jnp.minimum(start + jnp.sum(inside), width - 1)]
    alike = jnp.all((moved == tokens) | ~inside)
    return begins[start] & (start < first) & ends & alike

  any_of = lambda *row: jnp.any(jax.vmap(lambda start: same(start, *row))(place))
  return jax.vmap(any_of)(tokens, rows.begins, first, inside)


def likelihood(rows: Rows) -> Float[Array, " N"]:
  """exp of the mean log-prob of the tokens of each row's latest step."""
  _, inside = latest(rows)
  total = jnp.sum(jnp.where(inside, rows.said.logp, 0.0), axis=1)
  return jnp.exp(total / jnp.maximum(jnp.sum(inside, axis=1), 1))


def pack(rows: Rows) -> Tree:
  """What is a row's own, with the rows on the leading axis of every leaf."""
  return {
    "said": {name: getattr(rows.said, name) for name in OF_ROWS},
    "keys": _pack_cache(rows.said.cache),
    "reader": _pack_cache(rows.reader),
    **{name: getattr(rows, name) for name in OWN},
  }


def unpack(of_problem: Rows, packed: Tree) -> Rows:
  """Rows from `pack`; `of_problem` are any rows of the same problem."""
  count = packed["read"].shape[0]
  said = dataclasses.replace(
    of_problem.said,
    **packed["said"],
    row=jnp.arange(count, dtype=jnp.int32),
    waiting=jnp.asarray(count, jnp.int32),
    cache=_unpack_cache(of_problem.said.cache, packed["keys"]),
  )
  return dataclasses.replace(
    of_problem,
    said=_plain(said),
    reader=_unpack_cache(of_problem.reader, packed["reader"]),
    drawn=jnp.zeros(count, jnp.int32),
    **{name: packed[name] for name in OWN},
  )


def step_lengths(packed: Tree) -> Int[Array, " N"]:
  """Tokens of the latest step of each packed row."""
  place = jnp.arange(packed["begins"].shape[1])[None]
  first = jnp.max(jnp.where(packed["begins"], place, 0), axis=1)
  return packed["said"]["lengths"] - first


def _pack_cache(cache: Cache) -> Tree:
  swap = lambda x: jnp.swapaxes(x, 0, 1)
  return {"k": swap(cache.k), "v": swap(cache.v), "positions": cache.positions}


def _unpack_cache(shared: Cache, packed: Tree) -> Cache:
  swap = lambda x: jnp.swapaxes(x, 0, 1)
  held = jnp.sum(packed["positions"] < cache_lib.EMPTY, axis=1)
  return dataclasses.replace(
    shared,
    k=swap(packed["k"]),
    v=swap(packed["v"]),
    positions=packed["positions"],
    length=jnp.max(held).astype(jnp.int32),
  )


def merge(of_first: Bool[Array, " N"], first: Rows, second: Rows) -> Rows:
  """Each row of one of two states of the same search; what was drawn is of `first`.

  So `first` is the later one: what it drew was drawn, whether it is kept or not.
  """
  chosen = lambda a, b: jnp.where(of_first.reshape(-1, *(1,) * (a.ndim - 1)), a, b)
  a, b = first.said, second.said
  said = {name: chosen(getattr(a, name), getattr(b, name)) for name in OF_ROWS}
  cache = _merge_cache(of_first, a.cache, b.cache)
  fields = ("read", "outputs", "score", "finished", "open", "idle", "begins")
  merged = {
    name: chosen(getattr(first, name), getattr(second, name)) for name in fields
  }
  return dataclasses.replace(
    first,
    **merged,
    said=_plain(dataclasses.replace(a, **said, cache=cache)),
    reader=_merge_cache(of_first, first.reader, second.reader),
  )


def _merge_cache(of_first: Array, first: Cache, second: Cache) -> Cache:
  """Both are tidy, so that the one that holds more has all the room that is used."""
  held = jnp.maximum(first.length, second.length)
  wide = lambda a, b: jnp.where(of_first.reshape(1, -1, *(1,) * (a.ndim - 2)), a, b)
  return dataclasses.replace(
    first,
    k=wide(first.k, second.k),
    v=wide(first.v, second.v),
    positions=jnp.where(of_first[:, None], first.positions, second.positions),
    length=held,
  )


def _take_cache(cache: Cache, parents: Array) -> Cache:
  """Rows reordered; the prefix of their problem stays shared."""
  own = cache_lib.take_rows(dataclasses.replace(cache, prefix=None), parents)
  return dataclasses.replace(own, prefix=cache.prefix)


def _with_keys(rows: Rows, key: Key[Array, ""]) -> SamplerState:
  """A stream for each place: copies of a row go on differently."""
  n = rows.finished.shape[0] // rows.numbers.shape[0]
  of_problem = jax.vmap(lambda number: jax.random.fold_in(key, number))(rows.numbers)
  of_place = jax.vmap(jax.random.fold_in, (None, 0))
  keys = jax.vmap(of_place, (0, None))(of_problem, jnp.arange(n))
  return dataclasses.replace(rows.said, keys=keys.reshape(-1))


def _plain(said: SamplerState) -> SamplerState:
  """Keys in the order of their positions, and room behind them for another step."""
  cache = cache_lib.tidy(said.cache)
  age = jnp.where(said.count > 0, cache.length, 0)
  return dataclasses.replace(said, cache=cache, age=age)


def _read(models: Models, weights: Weights, rows: Rows, until: Array) -> Rows:
  """The model of steps reads what is new, up to token `until` of each row."""
  said, width = rows.said, models.step_tokens
  index = rows.read[:, None] + jnp.arange(width)[None]
  new = index < until[:, None]
  tokens = jnp.take_along_axis(
    said.tokens, jnp.minimum(index, said.tokens.shape[1] - 1), axis=1
  )
  places = jnp.where(new, said.first[:, None] + index, cache_lib.EMPTY)
  out: Any = models.trunk.apply(weights.trunk, tokens, places, cache=rows.reader)
  hidden, reader = out
  last = jnp.maximum(until - rows.read - 1, 0)
  state = jnp.take_along_axis(hidden, last[:, None, None], axis=1)
  news = (until > rows.read)[:, None]
  outputs = jnp.where(news, _outputs(models, weights, state), rows.outputs)
  return dataclasses.replace(
    rows,
    reader=cache_lib.tidy(reader),
    read=jnp.maximum(rows.read, until),
    outputs=outputs,
    score=_readout(models, outputs),
  )


def _outputs(
  models: Models, weights: Weights, states: Float[Array, "N 1 D"]
) -> Float[Array, "N C"]:
  said: Any = models.head.apply({"params": weights.head}, states)
  return said[:, 0]


def _readout(models: Models, outputs: Float[Array, "N C"]) -> Float[Array, " N"]:
  said = PolicyOutputs(step_logits=outputs[:, :1], step_outputs=outputs[:, None])
  return models.readout(said, jnp.ones((outputs.shape[0], 1)))[:, 0]

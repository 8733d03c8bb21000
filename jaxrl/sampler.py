"""Runs `rollout`'s step from the host: fewer slots, and longer ones, as rows end.

Static shapes make a compiled program decode as many rows, and read as many keys, at its
last step as at its first. So the loop stops where a smaller batch or a longer cache
would do, and goes on in another compiled program: few of them, as both sizes double.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key

from jaxrl import rollout
from jaxrl.errors import UserError
from jaxrl.models import cache as cache_lib
from jaxrl.models.decoder import Decoder
from jaxrl.rollout import ENGINE, Engine, Responses, SamplerState, SamplingRules

FIRST_TOKENS = 64  # a row's cache holds so many at first
LEAST_SLOTS = 4  # fewer rows take as long to decode

# (rows that have ended since the last call, their tokens, each without padding)
Ended = Callable[[list[int], list[list[int]]], None]


def generate(
  decoder: Decoder,
  variables: Any,
  prompts: Int[Array, "N P"],
  lengths: Int[Array, " N"],
  row_ids: Int[Array, " B"],
  key: Key[Array, "..."],
  *,
  rules: SamplingRules,
  engine: Engine = ENGINE,
  ended: Ended | None = None,
) -> Responses:
  """What `rollout.sample` samples, sooner. Host code.

  Args:
    decoder: the model; and so on as in `rollout.sample`.
    variables: as there.
    prompts: as there.
    lengths: as there.
    row_ids: as there.
    key: as there.
    rules: as there.
    engine: as there.
    ended: is told of rows as they end, while the others go on.
  """
  weights = weights_of(decoder, variables, engine)
  state = start(
    decoder,
    weights,
    prompts,
    lengths,
    row_ids,
    key,
    rules=rules,
    engine=engine,
    slots=rollout.cache_slots(FIRST_TOKENS, rules, engine),
  )
  state = run(decoder, weights, state, rules=rules, engine=engine, ended=ended)
  return rollout.finish(state)


def run(
  decoder: Decoder,
  weights: Any,
  state: SamplerState,
  *,
  rules: SamplingRules,
  engine: Engine = ENGINE,
  ended: Ended | None = None,
  keep_slots: bool = False,
) -> SamplerState:
  """Goes on until every row has ended.

  With `keep_slots` the keys of ended rows stay, for another turn (`next_turn`).
  """
  told = np.zeros(state.lengths.shape[0], bool)
  news = None
  while True:
    slots = state.row.shape[0]
    leave_at = 0 if keep_slots or slots <= LEAST_SLOTS else slots // 2
    state = advance(
      decoder, weights, state, rules=rules, engine=engine, leave_at=leave_at
    )
    # The device is at work again while the host looks at what ended before.
    if ended is not None and news is not None:
      _tell(ended, told, *news)
    look = jax.device_get(_look(state, 1 + engine.lookup_tokens))
    if ended is not None:
      news = jax.device_get((state.tokens, state.lengths, _ended(state)))
    if look["live"] == 0:
      break
    if look["live"] <= leave_at and look["waiting"] == 0:
      state = compact(state, rows=_bucket(int(look["live"]), slots))
    if not look["fits"]:
      state = _make_room(state, int(look["held"]), rules, engine)
  if ended is not None and news is not None:
    _tell(ended, told, *news)
  return state


def next_turn(
  decoder: Decoder,
  weights: Any,
  state: SamplerState,
  heard: Int[Array, "B T"],
  lengths: Int[Array, " B"],
  key: Key[Array, ""],
  *,
  rules: SamplingRules,
  engine: Engine = ENGINE,
) -> SamplerState:
  """The state of a new turn, from one whose rows have all ended, for `run`.

  Each row hears some tokens and answers them; nothing said or heard before is computed
  again. Randomness is a function of (key, row's place, position).

  Args:
    decoder: the model.
    weights: from `weights_of`.
    state: after `run(..., keep_slots=True)`.
    heard: tokens for each row, padded on the right.
    lengths: how many; a row of 0 goes on where it ended.
    key: consumed; another one for each turn.
    rules: of this turn.
    engine: as before.

  Raises:
    UserError: the state has lost rows, as they waited for slots or were let go.
  """
  if state.row.shape[0] != state.lengths.shape[0]:
    raise UserError(
      f"next_turn: {state.row.shape[0]} slots for {state.lengths.shape[0]} rows: keep "
      "all of them with Engine(slots=0) and run(..., keep_slots=True)"
    )
  slots = state.cache.slots + heard.shape[1] + 1
  state = tidied(state, slots=slots)
  return _hear(decoder, weights, state, heard, lengths, key, rules=rules)


def weights_of(decoder: Decoder, variables: Any, engine: Engine) -> Any:
  """`rollout.weights_of`; the variables themselves where nothing is to be changed."""
  if casts_weights(decoder, engine):
    return cast_weights(decoder, variables, engine)
  return variables  # a jitted identity would copy them


def casts_weights(decoder: Decoder, engine: Engine) -> bool:
  """Whether the sampler reads a copy of the variables."""
  return decoder.config.compute_dtype != "float32" or engine.int8_weights


def _tell(ended: Ended, told: np.ndarray, tokens: Any, lengths: Any, done: Any) -> None:
  rows = np.flatnonzero(done & ~told)
  told[rows] = True
  if len(rows):
    ended(rows.tolist(), [tokens[row, : lengths[row]].tolist() for row in rows])


def _ended(state: SamplerState) -> Array:
  return state.stopped | (state.lengths == state.tokens.shape[1])


def _bucket(live: int, slots: int) -> int:
  """The slots for so many rows: the number there is, halved as often as it may be."""
  while slots > LEAST_SLOTS and -(-slots // 2) >= live:
    slots = -(-slots // 2)
  return slots


def _make_room(
  state: SamplerState, held: int, rules: SamplingRules, engine: Engine
) -> SamplerState:
  """Twice the slots, or the same ones in order where half of them hold nothing."""
  slots = state.cache.slots
  if held * 2 > slots:
    largest = rollout.cache_slots(rules.max_tokens, rules, engine)
    # What was said and heard in earlier turns is beyond what this one's rules know of.
    slots = min(2 * slots, largest) if slots < largest else 2 * slots
  return tidied(state, slots=slots)


cast_weights = jax.jit(rollout.weights_of, static_argnames=("decoder", "engine"))
start = jax.jit(rollout.start, static_argnames=("decoder", "engine", "slots"))
advance = jax.jit(
  rollout.advance, static_argnames=("decoder", "engine"), donate_argnames="state"
)


@functools.partial(jax.jit, static_argnames="width")
def _look(state: SamplerState, width: int) -> dict[str, Array]:
  held = jnp.sum(state.cache.positions < cache_lib.EMPTY, axis=1)
  return {
    "live": jnp.sum(state.live),
    "waiting": state.lengths.shape[0] - state.waiting,
    "fits": jnp.all(~state.live | (state.age + width <= state.cache.slots)),
    # Of ended rows too: what they hold stays, and takes its place.
    "held": jnp.max(held),
  }


@functools.partial(jax.jit, static_argnames="rows")
def compact(state: SamplerState, rows: int) -> SamplerState:
  """The same state with `rows` slots, those of live rows first."""
  kept = jnp.argsort(~state.live)[:rows]
  of_slots = ("row", "live", "token", "count", "first", "age")
  taken = {name: getattr(state, name)[kept] for name in of_slots}
  cache = cache_lib.take_rows(state.cache, kept)
  return dataclasses.replace(state, **taken, cache=cache, bank=None)


@functools.partial(jax.jit, static_argnames="slots")
def tidied(state: SamplerState, slots: int) -> SamplerState:
  """The same state, keys in the order of their positions, with `slots` cache slots."""
  cache = cache_lib.grow(cache_lib.tidy(state.cache), slots)
  # The ring comes round to the oldest keys after what is left of it.
  age = jnp.where(state.live & (state.count > 0), cache.length, 0)
  return dataclasses.replace(state, cache=cache, age=age)


@functools.partial(jax.jit, static_argnames="decoder", donate_argnames="state")
def _hear(
  decoder: Decoder,
  weights: Any,
  state: SamplerState,
  heard: Int[Array, "B T"],
  lengths: Int[Array, " B"],
  key: Key[Array, ""],
  *,
  rules: SamplingRules,
) -> SamplerState:
  """Reads a row's last token and what it hears, and draws the first answer to it."""
  rows = heard.shape[0]
  tokens = jnp.concatenate([state.token[:, None], heard], axis=1)
  ahead = jnp.arange(tokens.shape[1])[None]
  places = (state.first + state.count - 1)[:, None] + ahead
  places = jnp.where(ahead <= lengths[:, None], places, cache_lib.EMPTY)
  out: Any = decoder.apply(weights, tokens, places, cache=state.cache)
  hidden, cache = out
  ids = state.row
  zeros = jnp.zeros((rows, rules.max_tokens), jnp.float32)
  none = jnp.zeros(rows, jnp.int32)
  state = dataclasses.replace(
    state,
    live=jnp.ones(rows, bool),
    first=state.first + state.count + lengths,
    count=none,
    age=jnp.broadcast_to(cache.length, (rows,)),
    cache=cache,
    tokens=zeros.astype(jnp.int32),
    logp=zeros,
    logp_sampling=zeros,
    lengths=none,
    stopped=jnp.zeros(rows, bool),
    keys=jax.vmap(functools.partial(jax.random.fold_in, key))(ids),
    prompt_states=jnp.take_along_axis(hidden, lengths[:, None, None], axis=1)[:, 0],
  )
  return rollout.begin(decoder, weights, state, rules=rules)

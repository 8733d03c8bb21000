"""The only sampler: a state struct, a pure step, a `lax.while_loop`.

The state has slots, each with a row of the batch in it. A prompt's keys are computed
once and lie in the cache once, however many neighbouring slots answer it; what a row
adds lies in a ring of its own. A slot whose row has ended takes the next waiting row,
so no row waits for the longest. Row r draws its i-th token with randomness that depends
on (key, row id r, i) alone: slots, their order and their number change no sample.

`sample` is all of it in one program. `sampler.generate` runs the same step from the
host, which may change the number of slots and their length in between.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int, Key

from jaxrl import lookup
from jaxrl.drawing import SamplingRules, draw
from jaxrl.models import cache as cache_lib
from jaxrl.models import sampling_weights
from jaxrl.models.cache import Cache
from jaxrl.models.decoder import Decoder
from jaxrl.types import Leaf

REFILL_SHARE = 8  # a refill waits until an eighth of the slots is free: it copies


@dataclasses.dataclass(frozen=True)
class Engine:
  """How sampling runs. Only the int8 options change what is sampled, by rounding."""

  slots: int = 0  # rows decoded at a time, the others wait; 0: all
  lookup_tokens: int = 0  # drafted a step from what the row has said before
  int8_weights: bool = False
  int8_cache: bool = False


ENGINE = Engine()


@struct.dataclass
class Responses:
  """What the sampler returns; B = N * group rows, those of one prompt adjacent."""

  tokens: Leaf  # [B, R] int32, the stop token included, pad after it
  mask: Leaf  # [B, R] 1. on sampled tokens
  logp: Leaf  # [B, R] log-prob under the full tempered softmax, what the scorer gives
  logp_sampling: Leaf  # [B, R] log-prob under the distribution drawn from
  truncated: Leaf  # [B] 1. where no stop token came within R tokens
  steps: Leaf  # [] int32: passes of the decoder, and one for the prompts


@struct.dataclass
class SamplerState:
  """Carried through the loop. S slots, B rows, N prompts."""

  # Slots.
  row: Leaf  # [S] int32: the row in the slot; B where there is none
  live: Leaf  # [S] bool: its row has not ended
  token: Leaf  # [S] int32: the last token sampled
  count: Leaf  # [S] int32: tokens sampled for the row
  first: Leaf  # [S] int32: position of the row's first sampled token
  age: Leaf  # [S] int32: cache slots used since the row began
  cache: Leaf  # Cache
  # Rows.
  tokens: Leaf  # [B, R] int32
  logp: Leaf  # [B, R]
  logp_sampling: Leaf  # [B, R]
  lengths: Leaf  # [B] int32: tokens sampled
  stopped: Leaf  # [B] bool: the last of them is a stop token
  keys: Leaf  # [B] keys
  waiting: Leaf  # [] int32: the first row that no slot has had; B where none waits
  steps: Leaf  # [] int32
  # Prompts.
  prompts: Leaf  # [N, P] int32
  prompt_tokens: Leaf  # [N] int32
  prompt_states: Leaf  # [N, D] hidden states that predict the first tokens
  bank: Leaf  # Cache or None: keys of all prompts, where rows wait for slots


def sample(
  decoder: Decoder,
  variables: Any,
  prompts: Int[Array, "N P"],
  lengths: Int[Array, " N"],
  row_ids: Int[Array, " B"],
  key: Key[Array, "..."],
  *,
  rules: SamplingRules,
  engine: Engine = ENGINE,
) -> Responses:
  """Samples B / N responses to each prompt. Meant to be jitted; see `jitted`.

  Args:
    decoder: the model.
    variables: its parameters, with LoRA adapters if there are any.
    prompts: padded on the right.
    lengths: tokens of each prompt, at least 1.
    row_ids: names each row's stream of randomness.
    key: consumed; fold in the step. Or one for each row.
    rules: how tokens are drawn; a stop token is part of its response.
    engine: how it runs.
  """
  weights = weights_of(decoder, variables, engine)
  slots = cache_slots(rules.max_tokens, rules, engine)
  state = start(
    decoder,
    weights,
    prompts,
    lengths,
    row_ids,
    key,
    rules=rules,
    engine=engine,
    slots=slots,
  )
  state = advance(decoder, weights, state, rules=rules, engine=engine)
  return finish(state)


@functools.partial(jax.jit, static_argnames=("decoder", "engine"))
def jitted(decoder: Decoder, *args: Any, **kwargs: Any) -> Responses:
  """`sample`, compiled once for each shape, set of rules and engine."""
  return sample(decoder, *args, **kwargs)


def weights_of(decoder: Decoder, variables: Any, engine: Engine) -> Any:
  """The variables as each step reads them."""
  if engine.int8_weights:
    return sampling_weights.in_int8(variables, decoder.config)
  return sampling_weights.in_compute_dtype(variables, decoder.config)


def cache_slots(tokens: int, rules: SamplingRules, engine: Engine) -> int:
  """Slots for so many tokens a row, and at most for the longest response."""
  width = 1 + engine.lookup_tokens
  # A step uses `width` slots, whatever is accepted; a row's last token is not kept.
  return width * max(1, min(tokens, rules.max_tokens - 1))


def start(
  decoder: Decoder, weights: Any, *arrays: Any, rules: SamplingRules, **how: Any
) -> SamplerState:
  """`prepare`, and one token of each row that has a slot."""
  state = prepare(decoder, weights, *arrays, rules=rules, **how)
  return begin(decoder, weights, state, rules=rules)


def prepare(
  decoder: Decoder,
  weights: Any,
  prompts: Int[Array, "N P"],
  lengths: Int[Array, " N"],
  row_ids: Int[Array, " B"],
  key: Key[Array, "..."],
  *,
  rules: SamplingRules,
  engine: Engine,
  slots: int,
) -> SamplerState:
  """The state after the prompts, before any row has a token."""
  slot = jnp.arange(prompts.shape[1])[None]
  positions = jnp.where(slot < lengths[:, None], slot, cache_lib.EMPTY)
  hidden, bank = _prefill(decoder, weights, prompts, positions)
  last = jnp.take_along_axis(hidden, lengths[:, None, None] - 1, axis=1)[:, 0]
  if engine.int8_cache:
    bank = cache_lib.to_int8(bank)
  rows, width = row_ids.shape[0], rules.max_tokens
  used = min(engine.slots or rows, rows)
  row = jnp.arange(used, dtype=jnp.int32)
  cache = cache_lib.init_cache(decoder.config, used, slots, bank.k.dtype)
  group = rows // prompts.shape[0]
  prefix = bank if used == rows else cache_lib.take_rows(bank, row // group)
  zeros = lambda n, dtype: jnp.zeros(n, dtype)
  return SamplerState(
    row=row,
    live=jnp.ones(used, bool),
    token=zeros(used, jnp.int32),
    count=zeros(used, jnp.int32),
    first=lengths[row // group],
    age=zeros(used, jnp.int32),
    cache=dataclasses.replace(cache, prefix=prefix),
    tokens=zeros((rows, width), jnp.int32),
    logp=zeros((rows, width), jnp.float32),
    logp_sampling=zeros((rows, width), jnp.float32),
    lengths=zeros(rows, jnp.int32),
    stopped=zeros(rows, bool),
    keys=jax.vmap(jax.random.fold_in)(jnp.broadcast_to(key, rows), row_ids),
    waiting=jnp.asarray(used, jnp.int32),
    steps=zeros((), jnp.int32),
    prompts=prompts,
    prompt_tokens=lengths,
    prompt_states=last,
    bank=None if used == rows else bank,
  )


def begin(
  decoder: Decoder, weights: Any, state: SamplerState, *, rules: SamplingRules
) -> SamplerState:
  """Draws the first token of the row in each slot."""
  states = _after_prompt(state)[:, None]
  drafts = jnp.zeros((states.shape[0], 0), jnp.int32)
  return _refill(_emit(decoder, weights, state, states, drafts, rules))


def advance(
  decoder: Decoder,
  weights: Any,
  state: SamplerState,
  *,
  rules: SamplingRules,
  engine: Engine,
  leave_at: int | Array = 0,
  passes: int | None = None,
) -> SamplerState:
  """Goes on until all rows have ended, or the cache is too short for one of them.

  Or until no more than `leave_at` rows are left, for whom fewer slots would do, or the
  decoder has run `passes` times.
  """
  width = 1 + engine.lookup_tokens
  first = state.steps

  def going(state: SamplerState) -> Array:
    fits = jnp.all(~state.live | (state.age + width <= state.cache.slots))
    live = jnp.sum(state.live)
    all_begun = state.waiting == state.lengths.shape[0]
    due = True if passes is None else state.steps - first < passes
    return fits & (live > 0) & ~(all_begun & (live <= leave_at)) & due

  def step(state: SamplerState) -> SamplerState:
    drafts = _drafts(state, engine.lookup_tokens)
    states, state = _forward(decoder, weights, state, drafts)
    return _refill(_emit(decoder, weights, state, states, drafts, rules))

  return jax.lax.while_loop(going, step, state)


def finish(state: SamplerState) -> Responses:
  """The responses of all rows so far."""
  index = jnp.arange(state.tokens.shape[1])[None]
  return Responses(
    tokens=state.tokens,
    mask=(index < state.lengths[:, None]).astype(jnp.float32),
    logp=state.logp,
    logp_sampling=state.logp_sampling,
    truncated=1.0 - state.stopped.astype(jnp.float32),
    steps=state.steps,
  )


def _prefill(decoder: Decoder, weights: Any, tokens: Array, positions: Array) -> Any:
  return decoder.apply(weights, tokens, positions, method="prefill")


def _after_prompt(state: SamplerState) -> Float[Array, "S D"]:
  """The hidden state that predicts the first token of the row in each slot."""
  group = state.lengths.shape[0] // state.prompt_states.shape[0]
  return jnp.take(state.prompt_states, state.row // group, axis=0, mode="clip")


def _drafts(state: SamplerState, tokens: int) -> Int[Array, "S drafts"]:
  """What the row in each slot may say next, by what it has said or been asked."""
  if tokens == 0:
    return jnp.zeros((state.row.shape[0], 0), jnp.int32)
  group = state.lengths.shape[0] // state.prompts.shape[0]
  said = jnp.take(state.tokens, state.row, axis=0, mode="clip")
  asked = jnp.take(state.prompts, state.row // group, axis=0, mode="clip")
  of_prompt = jnp.take(state.prompt_tokens, state.row // group, mode="clip")
  return lookup.drafts(asked, of_prompt, said, state.count, tokens=tokens)


def _forward(
  decoder: Decoder, weights: Any, state: SamplerState, drafts: Int[Array, "S drafts"]
) -> tuple[Float[Array, "S T D"], SamplerState]:
  """Hidden states after the last token of each row and after each draft."""
  tokens = jnp.concatenate([state.token[:, None], drafts], axis=1)
  width = tokens.shape[1]
  begun = state.live & (state.count > 0)
  places = (state.first + state.count - 1)[:, None] + jnp.arange(width)[None]
  # Slots without a row write keys that no query sees.
  places = jnp.where(begun[:, None], places, cache_lib.EMPTY)
  cache = state.cache
  wraps = cache.length + width > cache.slots
  cache = dataclasses.replace(cache, length=jnp.where(wraps, 0, cache.length))
  states, cache = decoder.apply(weights, tokens, places, cache=cache)
  # The first token of a row that was just put into its slot needs no pass.
  new = state.live & (state.count == 0)
  at_prompt = jnp.broadcast_to(_after_prompt(state)[:, None], states.shape)
  states = jnp.where(new[:, None, None], at_prompt, states)
  age = state.age + jnp.where(begun, width, 0)
  return states, dataclasses.replace(state, cache=cache, age=age)


def _emit(
  decoder: Decoder,
  weights: Any,
  state: SamplerState,
  states: Float[Array, "S T D"],
  drafts: Int[Array, "S drafts"],
  rules: SamplingRules,
) -> SamplerState:
  """Draws what follows each state, and keeps it as far as the drafts foretold it.

  A draft is accepted iff it is what the row draws at that place anyway, so drafts
  change how fast a row is sampled and not what is.
  """
  slots, width, _ = states.shape
  rows, longest = state.tokens.shape
  logits: Any = decoder.apply(weights, states, method="logits")
  keys = jnp.take(state.keys, state.row, mode="clip")
  ahead = jnp.arange(width)[None]
  index = state.count[:, None] + ahead
  keys = jax.vmap(jax.vmap(jax.random.fold_in, (None, 0)))(keys, index)
  drawn = draw(keys.reshape(-1), logits.reshape(slots * width, -1), rules)
  token, logp, logp_sampling = (x.reshape(slots, width) for x in drawn)
  stops = jnp.isin(token, jnp.array(rules.stop_ids, jnp.int32))
  goes_on = ~stops & (index + 1 < longest)
  foretold = (state.count > 0)[:, None] & (drafts == token[:, :-1]) & goes_on[:, :-1]
  accepted = jnp.cumprod(foretold.astype(jnp.int32), axis=1)
  new = jnp.where(state.live, 1 + jnp.sum(accepted, axis=1), 0)
  kept = ahead < new[:, None]
  # Out of bounds where nothing is kept, and dropped there.
  at = jnp.where(kept, state.row[:, None], rows), index
  put = lambda into, value: into.at[at].set(value, mode="drop")
  last = jnp.maximum(new - 1, 0)[:, None]
  at_last = lambda x: jnp.take_along_axis(x, last, axis=1)[:, 0]
  stopped, count = at_last(stops) & state.live, state.count + new
  where = jnp.where(state.live, state.row, rows)
  return dataclasses.replace(
    state,
    live=state.live & ~stopped & (count < longest),
    token=jnp.where(state.live, at_last(token), state.token),
    count=count,
    cache=_forget(state.cache, drafts.shape[1], accepted) if width > 1 else state.cache,
    tokens=put(state.tokens, token),
    logp=put(state.logp, logp),
    logp_sampling=put(state.logp_sampling, logp_sampling),
    lengths=state.lengths.at[where].set(count, mode="drop"),
    stopped=state.stopped.at[where].set(stopped, mode="drop"),
    steps=state.steps + 1,
  )


def _forget(cache: Cache, drafts: int, accepted: Int[Array, "S drafts"]) -> Cache:
  """The cache without the keys of drafts that were not accepted."""
  start = (0, cache.length - drafts)
  places = jax.lax.dynamic_slice(cache.positions, start, accepted.shape)
  places = jnp.where(accepted > 0, places, cache_lib.EMPTY)
  positions = jax.lax.dynamic_update_slice(cache.positions, places, start)
  return dataclasses.replace(cache, positions=positions)


def _refill(state: SamplerState) -> SamplerState:
  """Puts waiting rows into free slots, once enough are free."""
  if state.bank is None:
    return state
  rows, slots = state.lengths.shape[0], state.row.shape[0]
  free = ~state.live
  enough = (jnp.sum(free) * REFILL_SHARE >= slots) & (state.waiting < rows)
  row = state.waiting + jnp.cumsum(free) - 1
  new = free & enough & (row < rows)
  group = rows // state.prompt_tokens.shape[0]
  prompt = jnp.minimum(row, rows - 1) // group
  cache = state.cache
  positions = jnp.where(new[:, None], cache_lib.EMPTY, cache.positions)
  prefix = cache_lib.copy_rows(cache.prefix, state.bank, new, prompt)
  zero = lambda x: jnp.where(new, 0, x)
  return dataclasses.replace(
    state,
    row=jnp.where(new, row, state.row),
    live=state.live | new,
    token=zero(state.token),
    count=zero(state.count),
    first=jnp.where(new, state.prompt_tokens[prompt], state.first),
    age=zero(state.age),
    cache=dataclasses.replace(cache, positions=positions, prefix=prefix),
    waiting=state.waiting + jnp.sum(new, dtype=jnp.int32),
  )

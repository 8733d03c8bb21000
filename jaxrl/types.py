"""The nouns of the library.

Shapes: B rows (one sampled sequence each), T tokens of a row, N prompts, G samples a
prompt (B = N * G, rows of one prompt are adjacent), P prompt tokens, R response tokens,
V vocabulary.

A method function takes arrays by name: its positional parameters are fields of the two
structs below, so a signature says what a method needs and nothing else is computed.
Its keyword-only parameters are its hyper-parameters. See `pick`.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from flax import struct
from jaxtyping import Array, Float

Metrics = Mapping[str, Array]
Tree = Any  # a pytree of arrays
# An array, or whatever stands for one inside jax.tree.map: so not typed more closely.
Leaf = Any


@struct.dataclass
class Rollouts:
  """Sampled sequences on their way from the sampler to the update.

  Token-aligned: `logp[b, t]` is the log-probability of `tokens[b, t]` given
  `tokens[b, :t]`. Fields that no stage of a run fills in stay `None`.
  """

  tokens: Leaf  # [B, T] int32: prompt, response, padding
  positions: Leaf  # [B, T] int32: 0.. on tokens, models.cache.EMPTY on padding
  mask: (
    Array  # [B, T] 1. on tokens that train: the policy's own, its stop token included
  )
  prompt_tokens: Leaf  # [B] int32: tokens before the response, at least 1
  group: Leaf  # [B] int32: rows with the same id answer the same prompt; ids < B
  truncated: Leaf  # [B] 1. where the response ended at the length limit, unstopped
  logp_old: Leaf  # [B, T] log-probs before this batch's first update (full softmax)
  logp_sampling: Leaf  # [B, T] log-probs under the distribution drawn from (truncated)
  score: Leaf  # [B] the verifier's score, 0 where `scored` is 0
  formatted: Leaf  # [B] 1. where the answer was given in the form that was asked for
  scored: Leaf  # [B] 1. where the verifier gave a verdict
  rewards: Leaf = None  # [B] what the reward stage made of the above
  logp_ref: Leaf = None  # [B, T] log-probs under the reference model
  advantages: Leaf = None  # [B, T] credit of each token


@struct.dataclass
class PolicyOutputs:
  """What one forward pass says of each token; only what was asked for is computed."""

  logp: Leaf  # [B, T] log-probability of each token, tempered as it was sampled
  entropy: Leaf = None  # [B, T] entropy of the distribution it came from, nats


@struct.dataclass
class TrainState:
  """All that an update changes."""

  step: Leaf  # [] int32: optimiser steps taken, skipped ones included
  params: Tree  # what is trained: every parameter, or the LoRA adapters
  opt_state: Tree


class LossFn(Protocol):
  """Arrays by name -> per-token loss [B, T] and metrics; averaging is `reductions`'."""

  def __call__(self, *arrays: Array) -> tuple[Float[Array, "B T"], Metrics]: ...


class RegularizerFn(Protocol):
  """Arrays by name -> a per-token term [B, T] added to the loss, and metrics."""

  def __call__(self, *arrays: Array) -> tuple[Float[Array, "B T"], Metrics]: ...


class AdvantageFn(Protocol):
  """Arrays by name -> one advantage per token, 0 where nothing trains."""

  def __call__(self, *arrays: Array) -> Float[Array, "B T"]: ...


class RewardFn(Protocol):
  """Arrays by name -> one reward per row; a run's rewards are added up."""

  def __call__(self, *arrays: Array) -> Float[Array, " B"]: ...


class SelectorFn(Protocol):
  """Arrays by name -> the mask of the tokens that still train."""

  def __call__(self, *arrays: Array) -> Float[Array, "B T"]: ...


class ReductionFn(Protocol):
  """Arrays by name -> weights w, so that the loss is sum(w * per-token loss).

  Weights are made once on the whole batch of an optimiser step, so micro-batches and
  shards simply add. Nothing else in the library divides by a token count.
  """

  def __call__(self, *arrays: Array) -> Float[Array, "B T"]: ...

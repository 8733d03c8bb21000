"""The nouns of the library.

Shapes: B rows (one sampled sequence each), T tokens of a row, N prompts, G samples a
prompt (B = N * G, rows of one prompt are adjacent), P prompt tokens, R response tokens,
V vocabulary, C outputs of a step head.

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
  `tokens[b, :t]`. Fields that no stage of a run fills in stay `None`. A field `x_old`
  is `PolicyOutputs.x` at the parameters before this batch's first update.
  """

  # From the sampler and the verifier.
  tokens: Leaf  # [B, T] int32: prompt, response, padding
  positions: Leaf  # [B, T] int32: 0.. on tokens, models.cache.EMPTY on padding
  # [B, T] 1. on tokens that train: the policy's own, its stop token included
  mask: Leaf
  prompt_tokens: Leaf  # [B] int32: tokens before the response, at least 1
  group: Leaf  # [B] int32: rows with the same id answer the same prompt; ids < B
  truncated: Leaf  # [B] 1. where the response ended at the length limit, unstopped
  logp_old: Leaf  # [B, T] log-probs before this batch's first update (full softmax)
  logp_sampling: Leaf  # [B, T] log-probs under the distribution drawn from (truncated)
  score: Leaf  # [B] the verifier's score, 0 where `scored` is 0
  formatted: Leaf  # [B] 1. where the answer was given in the form that was asked for
  scored: Leaf  # [B] 1. where the verifier gave a verdict
  text_rewards: Leaf = None  # [B, K] of the rewards that read text, in their order
  # Only where some method names them.
  logp_ref: Leaf = None  # [B, T] log-probs under the reference model
  entropy_old: Leaf = None  # [B, T]
  collision_old: Leaf = None  # [B, T]
  values_old: Leaf = None  # [B, T]
  noise: Leaf = None  # [B, T] uniform in [0, 1), new for each batch
  greedy_rewards: Leaf = None  # [B] reward of the greedy response to the row's prompt
  reference_rewards: Leaf = (
    None  # [B, K] of K samples of the reference model, NaN: none
  )
  fresh: Leaf = None  # [B] 1. where sampled at this step; None: all are
  # Of process rewards. A step's tokens have its number; the stop token has the last's.
  steps: Leaf = None  # [B, T] int32, from 0; -1 elsewhere
  step_scores: Leaf = None  # [B, T] how good a PRM calls a step, on its last token
  step_scored: Leaf = None  # [B, T] 1. on the last token of each step that has a score
  prm_log_ratio: Leaf = None  # [B, T] log-prob under an implicit PRM - its reference's
  # Of solutions that train a PRM. A step head reads what stands before a token, so a
  # step is read at the token behind it: the next step's first one, or the stop token.
  step_labels: Leaf = None  # [B, T] how good the step before the token is
  step_labelled: Leaf = None  # [B, T] 1. on the token behind each step with a label
  domain: Leaf = None  # [B] int32: the part of a mix that the row's problem is from
  instance: Leaf = None  # [B] int32: the row's solution among all of its file
  row_weight: Leaf = None  # [B] a factor of the row's loss, from `prm/reweighting`
  # From the stages of credit, in their order.
  drawn: Leaf = None  # [B, T] the mask before any selector
  reward_parts: Leaf = None  # [B, K] each reward of the config by itself, weighted
  token_rewards: Leaf = None  # [B, T] rewards where they fall; the sums are `rewards`
  rewards: Leaf = None  # [B] what the reward stage made of the above
  advantages: Leaf = None  # [B, T] credit of each token
  returns: Leaf = None  # [B, T] what the critic is to predict
  # From the train step, on the whole batch of one optimiser step.
  logp_now: Leaf = None  # [B, T] log-probs at the parameters that the step starts from
  correction: Leaf = None  # [B, T] product of the corrections: a factor of the loss
  features: Mapping[str, Array] = struct.field(default_factory=dict)  # name -> [B, T]
  # Where the tokens lie when a model reads them: a `packing.Packing`; None: row by row.
  packing: Tree = None


@struct.dataclass
class PolicyOutputs:
  """What one forward pass says of each token; only what was asked for is computed."""

  logp: Leaf = None  # [B, T] log-probability of each token, tempered as sampled
  entropy: Leaf = None  # [B, T] entropy of the distribution it came from, nats
  collision: Leaf = None  # [B, T] sum of squared probabilities of that distribution
  values: Leaf = None  # [B, T] the critic's estimate before the token is drawn
  log_partition: Leaf = None  # [B, T] log Z of the row's prompt, repeated (FlowRL)
  step_logits: Leaf = None  # [B, T] a step head of one output, before the token
  step_outputs: Leaf = None  # [B, T, C] a step head of several
  states: Leaf = None  # [B, T, D] the hidden state before the token


@struct.dataclass
class TrainState:
  """All that an update changes."""

  step: Leaf  # [] int32: optimiser steps taken, skipped ones included
  params: Tree  # "policy" (every parameter, or LoRA adapters), "critic", "partition"
  opt_state: Tree
  coefficients: Tree  # of regularizers that follow a measured value
  # What learns beside it by steps of its own, each a TrainState: "prm", "reweighting".
  beside: Tree = struct.field(default_factory=dict)


@struct.dataclass
class RowWeights:
  """What a rule of `prm/reweighting` learns: that which it names."""

  domain_weights: Leaf = None  # [K] one a domain, 0 at first
  instance_weights: Leaf = None  # [I] one a solution of the training file, 1 at first
  weight_net: Tree = None  # a small network's arrays, see `prm.bilevel`


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
  """Arrays by name -> one reward per row, or one per token; they are added up.

  A reward whose parameters are `problem` and `response` reads one `Problem` and one
  text instead, and gives a float: it runs in the verifier's worker processes.
  """

  def __call__(self, *arrays: Array) -> Float[Array, " B"] | Float[Array, "B T"]: ...


class ValueTargetFn(Protocol):
  """Arrays by name -> what the critic is to predict at each token."""

  def __call__(self, *arrays: Array) -> Float[Array, "B T"]: ...


class CorrectionFn(Protocol):
  """Arrays by name -> factors [B, T] of the per-token loss, and metrics [B, T].

  Made once an optimiser step on its whole batch, so it may look across rows, and no
  gradient flows through it. Denominators stay: a selector is what changes them.
  """

  def __call__(self, *arrays: Array) -> tuple[Float[Array, "B T"], Metrics]: ...


class FeatureFn(Protocol):
  """Arrays by name -> an array that other methods may name in turn, by this name.

  Made on the whole batch, before it is split; no gradient flows through it.
  """

  def __call__(self, *arrays: Array) -> Float[Array, "B T"]: ...


class SelectorFn(Protocol):
  """Arrays by name -> the mask of the tokens that still train."""

  def __call__(self, *arrays: Array) -> Float[Array, "B T"]: ...


class ReductionFn(Protocol):
  """Arrays by name -> weights w, so that the loss is sum(w * per-token loss).

  Weights are made once on the whole batch of an optimiser step, so micro-batches and
  shards simply add. Nothing else in the library divides by a token count.
  """

  def __call__(self, *arrays: Array) -> Float[Array, "B T"]: ...

"""A decoder, which of its parameters train, and what trains beside it."""

import dataclasses
import functools
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrl import scoring, uncertainty
from jaxrl.config import ModelConfig
from jaxrl.models import lora as lora_lib
from jaxrl.models.decoder import Decoder
from jaxrl.models.heads import PartitionHead, StepHead, ValueHead
from jaxrl.models.load import Pretrained
from jaxrl.models.uncertainty_head import UncertaintyHead
from jaxrl.slices import by_parts
from jaxrl.types import PolicyOutputs, Rollouts, Tree


@dataclasses.dataclass(frozen=True)
class Policy:
  """Static: hashable, so that jitted functions take it as a static argument."""

  decoder: Decoder
  lora: bool  # adapters train and the base is frozen; else every parameter trains
  temperature: float
  response_width: int  # tokens after the prompt, at most
  responses_per_row: int  # that share one copy of their prompt
  logit_chunk_tokens: int
  step_head: StepHead | UncertaintyHead | None = None  # of a process reward model

  def variables(self, params: Tree, frozen: Tree) -> dict[str, Tree]:
    """What `decoder.apply` takes, and the head for log Z where there is one."""
    extra = {"partition": params["partition"]} if "partition" in params else {}
    return self._variables(params["policy"], frozen) | extra

  def forward(
    self, params: Tree, frozen: Tree, batch: Rollouts, needs: tuple[str, ...]
  ) -> PolicyOutputs:
    """Exactly the fields of PolicyOutputs that are needed; `logp` where none is."""
    heads = {"values", "step_logits", "step_outputs", "states"}
    outputs = PolicyOutputs()
    if not needs or set(needs) - heads:
      outputs = self._score(self.variables(params, frozen), batch, needs)
    if {"step_logits", "step_outputs"} & set(needs):
      said = self._step_outputs(params, frozen, batch)
      made = {"step_logits": said[..., 0], "step_outputs": said}
      kept = {name: x for name, x in made.items() if name in needs}
      outputs = dataclasses.replace(outputs, **kept)
    if "states" in needs:
      variables = self._variables(params["policy"], frozen)
      states = scoring.states(self.decoder, variables, batch, **self._layout)
      outputs = dataclasses.replace(outputs, states=states)
    if "values" in needs:
      values = self._values(params, frozen, batch)
      outputs = dataclasses.replace(outputs, values=values)
    return outputs

  def _values(self, params: Tree, frozen: Tree, batch: Rollouts) -> jax.Array:
    """The critic's values [B, T]: a trunk of its own, and a head."""
    critic = params["critic"]
    variables = self._variables(critic["trunk"], frozen)
    return scoring.values(
      self.decoder, variables, critic["head"], batch, **self._layout
    )

  def _step_outputs(self, params: Tree, frozen: Tree, batch: Rollouts) -> jax.Array:
    """What the step head says, [B, T, C], on the policy's own trunk."""
    assert self.step_head is not None, "built where a method names its outputs"
    variables = self._variables(params["policy"], frozen)
    head = params["step_head"]
    if isinstance(self.step_head, UncertaintyHead):
      return uncertainty.step_outputs(
        self.decoder, variables, self.step_head, head, batch, **self._layout
      )
    return scoring.step_outputs(
      self.decoder, variables, self.step_head, head, batch, **self._layout
    )

  def reference_logp(
    self, reference: Tree, batch: Rollouts, *, micro_batches: int
  ) -> jax.Array:
    """Log-probs [B, T] under the reference parameters: those before training."""
    one = lambda rows: self._score({"params": reference}, rows, ()).logp
    return by_parts(one, batch, micro_batches)

  def outputs_old(
    self,
    params: Tree,
    frozen: Tree,
    batch: Rollouts,
    *,
    needs: tuple[str, ...],
    micro_batches: int,
  ) -> PolicyOutputs:
    """`forward` on a whole batch of rollouts, before it trains."""
    one = lambda rows: self.forward(params, frozen, rows, needs)
    return by_parts(one, batch, micro_batches)

  @property
  def _layout(self) -> dict[str, int]:
    return {
      "response_width": self.response_width,
      "responses_per_row": self.responses_per_row,
    }

  def _variables(self, trained: Tree, frozen: Tree) -> dict[str, Tree]:
    return {"params": frozen, "lora": trained} if self.lora else {"params": trained}

  def _score(
    self, variables: Tree, batch: Rollouts, needs: tuple[str, ...]
  ) -> PolicyOutputs:
    return scoring.score(
      self.decoder,
      variables,
      batch,
      needs=needs,
      temperature=self.temperature,
      chunk_tokens=self.logit_chunk_tokens,
      **self._layout,
    )


def trained_params(
  pretrained: Pretrained,
  config: ModelConfig,
  seed: int,
  *,
  critic: bool,
  partition: bool,
  step_head: StepHead | UncertaintyHead | None,
) -> tuple[Tree, Tree]:
  """What trains, and what is frozen ({} without LoRA).

  The policy always trains; a critic (the same weights at first, under a head that says
  0), the head for log Z and a step head where they are asked for.
  """
  policy, frozen = _split_params(pretrained, config, seed)
  params = {"policy": policy}
  hidden = jnp.zeros((1, pretrained.config.embed_dim))
  key = jax.random.fold_in(jax.random.key(seed), 1)
  if critic:
    head = ValueHead().init(key, hidden[None])["params"]
    params["critic"] = {"trunk": copy(policy), "head": nn.meta.unbox(head)}
  if partition:
    head = PartitionHead().init(key, hidden)["params"]
    params["partition"] = nn.meta.unbox(head)
  if step_head is not None:
    key = jax.random.fold_in(key, 1)
    if isinstance(step_head, UncertaintyHead):
      head = uncertainty.init(step_head, key, pretrained.config)
    else:
      head = step_head.init(key, hidden)["params"]
    params["step_head"] = nn.meta.unbox(head)
  return params, frozen


def _split_params(
  pretrained: Pretrained, config: ModelConfig, seed: int
) -> tuple[Tree, Tree]:
  """The policy's parameters that train, and those that are frozen."""
  if config.step_head != "state":
    return {}, pretrained.params  # a model that is only read
  if config.lora_rank == 0:
    return pretrained.params, {}
  adapters = lora_lib.init_lora(
    pretrained.params,
    jax.random.key(seed),
    rank=config.lora_rank,
    targets=config.lora_targets,
  )
  return adapters, pretrained.params


@functools.cache
def jitted_reference_logp(policy: Policy, micro_batches: int) -> Callable:
  """`Policy.reference_logp`, compiled once for all runs of such a policy."""
  one = functools.partial(policy.reference_logp, micro_batches=micro_batches)
  return jax.jit(one)


@functools.cache
def jitted_outputs_old(
  policy: Policy, needs: tuple[str, ...], micro_batches: int
) -> Callable:
  """`Policy.outputs_old`, compiled once for all runs of such a policy."""
  one = functools.partial(policy.outputs_old, needs=needs, micro_batches=micro_batches)
  return jax.jit(one)


def merged(policy: Policy, params: Tree, frozen: Tree) -> Tree:
  """Plain parameters for export: adapters are merged into their matrices."""
  if not policy.lora:
    return params["policy"]
  return lora_lib.merge(frozen, params["policy"], policy.decoder.config.lora_scale)


def copy(params: Tree) -> Tree:
  """New buffers: the originals are donated to the first update."""
  return jax.tree.map(jnp.copy, params)

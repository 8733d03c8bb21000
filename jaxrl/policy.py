"""A decoder, and which of its parameters train."""

import dataclasses

import jax
import jax.numpy as jnp

from jaxrl.config import ModelConfig
from jaxrl.models import lora as lora_lib
from jaxrl.models.decoder import Decoder
from jaxrl.models.load import Pretrained
from jaxrl.scoring import score
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

  def variables(self, params: Tree, frozen: Tree) -> dict[str, Tree]:
    """What `decoder.apply` takes."""
    return {"params": frozen, "lora": params} if self.lora else {"params": params}

  def forward(
    self, params: Tree, frozen: Tree, batch: Rollouts, needs: tuple[str, ...]
  ) -> PolicyOutputs:
    """One forward pass; see `scoring.score`."""
    return self._score(self.variables(params, frozen), batch, needs)

  def reference_logp(
    self, reference: Tree, batch: Rollouts, *, micro_batches: int
  ) -> jax.Array:
    """Log-probs [B, T] under the reference parameters: those before training."""
    split = lambda x: x.reshape(micro_batches, -1, *x.shape[1:])
    one = lambda rows: self._score({"params": reference}, rows, ()).logp
    logp = jax.lax.map(one, jax.tree.map(split, batch))
    return logp.reshape(batch.mask.shape)

  def _score(
    self, variables: Tree, batch: Rollouts, needs: tuple[str, ...]
  ) -> PolicyOutputs:
    return score(
      self.decoder,
      variables,
      batch,
      needs=needs,
      temperature=self.temperature,
      response_width=self.response_width,
      responses_per_row=self.responses_per_row,
      chunk_tokens=self.logit_chunk_tokens,
    )


def split_params(
  pretrained: Pretrained, config: ModelConfig, seed: int
) -> tuple[Tree, Tree]:
  """Parameters that train, and those that are frozen ({} without LoRA)."""
  if config.lora_rank == 0:
    return pretrained.params, {}
  adapters = lora_lib.init_lora(
    pretrained.params,
    jax.random.key(seed),
    rank=config.lora_rank,
    targets=config.lora_targets,
  )
  return adapters, pretrained.params


def merged(policy: Policy, params: Tree, frozen: Tree) -> Tree:
  """Plain parameters for export: adapters are merged into their matrices."""
  if not policy.lora:
    return params
  return lora_lib.merge(frozen, params, policy.decoder.config.lora_scale)


def copy(params: Tree) -> Tree:
  """New buffers: the originals are donated to the first update."""
  return jax.tree.map(jnp.copy, params)

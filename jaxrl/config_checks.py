"""What a `Config` must fulfil, beside the names and types of its methods."""

import dataclasses
from typing import Any

from jaxrl.errors import UserError
from jaxrl.pick import check_type

# Field -> the least that makes sense.
FLOORS = {
  "steps": 0,
  "prompts_per_step": 1,
  "group_size": 1,
  "epochs_per_batch": 1,
  "mini_batches": 1,
  "micro_batch_tokens": 0,
  "packed_row_tokens": 0,
  "micro_batches": 1,
  "responses_per_row": 0,
  "refill_rounds": 0,
  "replay_groups": 0,
  "reference_samples": 1,
  "meta_every": 1,
  "meta_after": 0,
  "model.logit_chunk_tokens": 1,
  "model.lora_rank": 0,
  "model.step_head_hidden": 0,
  "model.uncertainty_width": 8,
  "sampling.temperature": 0,
  "sampling.max_prompt_tokens": 1,
  "sampling.max_response_tokens": 1,
  "sampling.prompt_bucket_tokens": 1,
  "sampling.slots": 0,
  "sampling.lookup_tokens": 0,
  "verify.workers": 1,
  "evaluation.problems": 0,
  "evaluation.samples": 0,
  "evaluation.batch_rows": 1,
  "searching.problems": 1,
  "searching.rows": 1,
  "searching.rounds": 1,
  "searching.step_tokens": 1,
  "searching.begin_tokens": 1,
  "searching.batch_problems": 1,
  "labelling.problems": 1,
  "labelling.solutions": 1,
  "labelling.completions": 1,
  "labelling.batch_problems": 1,
  "labelling.batch_prefixes": 1,
  "labelling.right_solutions_max": 0,
  "labelling.judge.votes": 1,
  "labelling.judge.documents_max": 1,
  "labelling.judge.documents_tokens": 1,
  "labelling.judge.sampling.max_prompt_tokens": 1,
  "labelling.judge.sampling.max_response_tokens": 1,
  "labelling.judge.sampling.prompt_bucket_tokens": 1,
  "labelling.shard": 0,
  "labelling.shards": 1,
  "output.keep_checkpoints": 1,
}


def check_types(part: Any, where: str) -> None:
  """UserError where a field, of this part or within it, has another type."""
  for field in dataclasses.fields(part):
    value = getattr(part, field.name)
    kind: Any = field.type
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
      check_types(value, f"{where}.{field.name}")
    else:
      check_type(f"{where}.{field.name}", value, kind)


def check_positive(config: Any) -> None:
  """UserError where a number is below what makes sense."""
  for path, floor in FLOORS.items():
    value: Any = config
    for part in path.split("."):
      value = getattr(value, part)
    if value < floor:
      raise UserError(f"config: {path} must be at least {floor}, got {value}")
  if config.model.step_heads_apart and config.model.step_head_hidden == 0:
    raise UserError(
      "config: model.step_heads_apart needs model.step_head_hidden, the width of their "
      "layers; set it, such as 128"
    )
  if not config.labelling.judge.forms:
    raise UserError("config: labelling.judge.forms is empty; name one, such as steps")
  if config.labelling.shard >= config.labelling.shards:
    raise UserError(
      f"config: labelling.shard {config.labelling.shard} of {config.labelling.shards} "
      "shards: they are numbered from 0; lower it"
    )
  careful = config.labelling.completion_temperature
  if careful is not None and careful <= 0:
    raise UserError(
      f"config: labelling.completion_temperature {careful} is not above 0, where all "
      "completions of a prefix are the same; raise it, or leave it out"
    )
  if config.sampling.temperature == 0:
    raise UserError(
      "config: sampling.temperature 0 draws the same response for a whole group, "
      "which teaches nothing; evaluation is greedy by itself"
    )


def check_divisions(config: Any) -> None:
  """UserError where a batch does not divide as it is to."""
  if not config.rewards:
    raise UserError("config: rewards is empty; name one, such as accuracy")
  if config.prompts_per_step % config.mini_batches:
    raise UserError(
      f"config: prompts_per_step {config.prompts_per_step} does not divide into "
      f"mini_batches {config.mini_batches}: groups stay whole; change one of the two"
    )
  rows = config.prompts_per_step * config.group_size // config.mini_batches
  if rows % config.micro_batches:
    raise UserError(
      f"config: a mini-batch of {rows} rows does not divide into micro_batches "
      f"{config.micro_batches}; take a divisor of {rows}"
    )


def check_sharing(config: Any) -> None:
  """UserError where responses that share a prompt would be cut apart."""
  share = config.responses_per_row or config.group_size
  rows = config.prompts_per_step * config.group_size // config.mini_batches
  if config.group_size % share:
    raise UserError(
      f"config: group_size {config.group_size} does not divide into responses_per_row "
      f"{share}; take a divisor"
    )
  if rows // config.micro_batches % share:
    raise UserError(
      f"config: a micro-batch of {rows // config.micro_batches} rows does not divide "
      f"into responses_per_row {share}; take fewer micro_batches"
    )


def row_tokens(config: Any) -> int:
  """Of a packed row: what the config says, or what suits the longest responses.

  A longest prompt, and as many longest responses as a micro-batch holds behind it, up
  to a whole group.
  """
  sampling = config.sampling
  prompt, response = sampling.max_prompt_tokens, sampling.max_response_tokens
  fit = min(config.group_size, (config.micro_batch_tokens - prompt) // response)
  return config.packed_row_tokens or prompt + max(fit, 1) * response


def check_packing(config: Any) -> None:
  """UserError where packed rows cannot hold what they have to."""
  sampling = config.sampling
  longest = sampling.max_prompt_tokens + sampling.max_response_tokens
  if config.micro_batch_tokens == 0:
    if config.packed_row_tokens:
      raise UserError(
        "config: packed_row_tokens without micro_batch_tokens packs nothing; set both"
      )
    return
  if config.micro_batches != 1 or config.responses_per_row != 1:
    raise UserError(
      "config: micro_batch_tokens packs rows and shares prompts by itself; leave "
      "micro_batches and responses_per_row at 1, or set micro_batch_tokens to 0"
    )
  if row_tokens(config) < longest or config.micro_batch_tokens < row_tokens(config):
    raise UserError(
      f"config: max_prompt_tokens + max_response_tokens is {longest}, which has to fit "
      f"into packed_row_tokens {row_tokens(config)}, and that into micro_batch_tokens "
      f"{config.micro_batch_tokens}; raise them"
    )

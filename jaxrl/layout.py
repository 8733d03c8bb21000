"""How a config lays batches out for the model. Host code."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import numpy as np

from jaxrl import packing
from jaxrl.config import Config
from jaxrl.config_checks import row_tokens
from jaxrl.errors import UserError
from jaxrl.types import Rollouts


def packer(config: Config, *, whole_groups: bool) -> Callable[[Rollouts], Rollouts]:
  """Rollouts with their `packing`, or as they are where the config packs nothing.

  Raises:
    UserError: a loss over groups, the longest of which no micro-batch holds.
  """
  if config.micro_batch_tokens == 0:
    return lambda batch: batch
  width = row_tokens(config)
  pack = functools.partial(
    packing.pack,
    row_tokens=width,
    rows=config.micro_batch_tokens // width,
    whole_groups=whole_groups,
  )
  sampling = config.sampling
  longest = np.zeros((config.group_size, sampling.max_prompt_tokens), bool)
  said = np.ones((config.group_size, sampling.max_response_tokens), bool)
  try:
    pack(
      np.concatenate([longest, said], axis=1),
      np.full(config.group_size, sampling.max_prompt_tokens),
      np.zeros(config.group_size, int),
    )
  except ValueError as error:
    raise UserError(
      f"config: {config.loss['name']} compares the responses of a group, and "
      f"micro_batch_tokens {config.micro_batch_tokens} does not hold the longest "
      f"group ({error}); raise it"
    ) from None

  def packed(batch: Rollouts) -> Rollouts:
    host = jax.device_get((batch.mask, batch.prompt_tokens, batch.group))
    return dataclasses.replace(batch, packing=pack(*host))

  return packed

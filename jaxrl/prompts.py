"""Problems -> padded prompt tokens, and prompts with responses -> rows."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Num

from jaxrl.errors import UserError
from jaxrl.models.cache import EMPTY
from jaxrl.models.tokenizer import Tokenizer
from jaxrl.problems import Problem, Task
from jaxrl.rollout import Responses
from jaxrl.types import Rollouts


def encode(
  tokenizer: Tokenizer, task: Task, problem: Problem, *, chat: bool
) -> list[int]:
  """Token ids of the prompt of one problem."""
  if chat:
    return tokenizer.chat(task.messages(problem))
  return tokenizer.encode(problem.question)


def pad(
  prompts: Sequence[Sequence[int]], *, bucket: int, max_tokens: int, pad_id: int
) -> tuple[np.ndarray, np.ndarray]:
  """Prompts [N, P] padded on the right to a multiple of `bucket`, and lengths [N].

  Raises:
    UserError: a prompt is empty, or longer than `max_tokens`.
  """
  lengths = np.array([len(p) for p in prompts], np.int32)
  if lengths.min() == 0:
    raise UserError(f"prompt {int(lengths.argmin())} of the batch has no tokens")
  if lengths.max() > max_tokens:
    raise UserError(
      f"a prompt has {lengths.max()} tokens, more than sampling.max_prompt_tokens "
      f"{max_tokens}; raise it, or leave such problems out"
    )
  width = -(-int(lengths.max()) // bucket) * bucket
  tokens = np.full((len(prompts), width), pad_id, np.int32)
  for row, prompt in zip(tokens, prompts, strict=True):
    row[: len(prompt)] = prompt
  return tokens, lengths


def widen(batch: Rollouts, width: int) -> Rollouts:
  """The batch with padding behind its rows, `width` tokens wide."""
  more = width - batch.tokens.shape[1]
  wide = lambda x: x.ndim == 2 and x.shape == batch.mask.shape
  padded = jax.tree.map(
    lambda x: jnp.pad(x, ((0, 0), (0, more))) if wide(x) else x, batch
  )
  real = jnp.broadcast_to(jnp.arange(width) < batch.tokens.shape[1], padded.mask.shape)
  return padded.replace(positions=jnp.where(real, padded.positions, EMPTY))


def join(
  prompts: Int[Array, "N P"], lengths: Int[Array, " N"], responses: Responses
) -> dict[str, Array]:
  """Fields of Rollouts that the sampler decides; a response follows its prompt."""
  rows, width = responses.tokens.shape
  group = rows // prompts.shape[0]
  total = prompts.shape[1] + width
  prompts, lengths = (jnp.repeat(x, group, axis=0) for x in (prompts, lengths))
  t = jnp.broadcast_to(jnp.arange(total), (rows, total))
  in_prompt = t < lengths[:, None]
  from_prompt = jnp.take_along_axis(
    prompts, jnp.minimum(t, prompts.shape[1] - 1), axis=1
  )
  index = t - lengths[:, None]
  in_response = (index >= 0) & (index < width)

  def place(x: Num[Array, "B R"]) -> Num[Array, "B T"]:
    taken = jnp.take_along_axis(x, jnp.clip(index, 0, width - 1), axis=1)
    return jnp.where(in_response, taken, jnp.zeros_like(taken))

  mask = place(responses.mask)
  tokens = place(responses.tokens)
  return {
    "tokens": jnp.where(in_prompt, from_prompt, tokens),
    "positions": jnp.where(in_prompt | (mask > 0), t, EMPTY),
    "mask": mask,
    "prompt_tokens": lengths,
    "group": jnp.arange(rows, dtype=jnp.int32) // group,
    "truncated": responses.truncated,
    "logp_old": place(responses.logp),
    "logp_sampling": place(responses.logp_sampling),
  }

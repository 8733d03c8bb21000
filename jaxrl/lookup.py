"""Drafts for speculative decoding, looked up in the row itself.

Prompt look-up decoding (Saxena, https://github.com/apoorvumang/prompt-lookup-decoding):
what followed the last two tokens the last time they occurred may follow again.
"""

import jax.numpy as jnp
from jaxtyping import Array, Int


def drafts(
  asked: Int[Array, "S P"],
  asked_tokens: Int[Array, " S"],
  said: Int[Array, "S R"],
  said_tokens: Int[Array, " S"],
  *,
  tokens: int,
) -> Int[Array, "S drafts"]:
  """`tokens` drafts a row; zeros where its last two tokens are new to it.

  Args:
    asked: the prompt, padded on the right.
    asked_tokens: its length.
    said: the response so far, padded on the right.
    said_tokens: its length.
    tokens: how many to draft.
  """
  rows, width = said.shape[0], asked.shape[1] + said.shape[1]
  slot = jnp.arange(width)[None]
  behind = slot - asked_tokens[:, None]
  of_asked = jnp.take_along_axis(asked, jnp.minimum(slot, asked.shape[1] - 1), axis=1)
  of_said = jnp.take_along_axis(said, jnp.clip(behind, 0, said.shape[1] - 1), axis=1)
  text = jnp.where(behind < 0, of_asked, of_said)
  end = asked_tokens + said_tokens
  at = lambda index: jnp.take_along_axis(text, jnp.maximum(index, 0)[:, None], axis=1)
  pair = (text[:, :-1] == at(end - 2)) & (text[:, 1:] == at(end - 1))
  start = jnp.arange(width - 1)[None]
  pair &= start < (end - 2)[:, None]
  found = jnp.max(jnp.where(pair, start, -1), axis=1)
  index = found[:, None] + 2 + jnp.arange(tokens)[None]
  drafted = jnp.take_along_axis(text, jnp.minimum(index, width - 1), axis=1)
  known = (found >= 0)[:, None] & (index < end[:, None])
  return jnp.where(known, drafted, jnp.zeros((rows, tokens), jnp.int32))

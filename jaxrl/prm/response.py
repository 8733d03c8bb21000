"""One response as text and numbers of its tokens, to be cut into steps. Host arrays.

R tokens of the response, S steps. A rule of `prm/steps` names the fields it reads and
gives [R] int32: the number of the step that each token belongs to, from 0, rising by 0
or 1 from token to token.

Rules that look at text see characters and not ids, so that a separator which the
tokenizer glues to its neighbours (".\\n\\n", "\\n\\nStep") is still found. A step ends
with the token that holds the last character before the next one's text. A step that
lies within one token has no token of its own and is not counted.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from jaxrl.models.tokenizer import Tokenizer

# What a decoder writes for bytes that are no character, or not yet a whole one.
REPLACEMENT = "\ufffd"


@dataclasses.dataclass(frozen=True)
class Response:
  """Of one response; fields that nothing has filled in are None."""

  pieces: Sequence[str]  # [R] text that each token adds; joined, they are the text
  logp: np.ndarray | None = None  # [R] log-probability of each sampled token
  entropy: np.ndarray | None = None  # [R] of the distribution it came from, nats
  turns: np.ndarray | None = None  # [R] number of each token's turn
  # A first cut, for rules that merge its steps.
  steps: np.ndarray | None = None  # [R] number of each token's step
  verdicts: np.ndarray | None = None  # [S] label of each step, NaN where it has none


def pieces(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
  """The text that each token adds to the text of those before it.

  A token that holds a part of a character adds what is whole by then; the character
  comes with the token that ends it. Special tokens add nothing. Joined, the pieces are
  `tokenizer.decode(ids)`.

  Each token is decoded together with the last tokens that added text, as some decoders
  treat the first token of a text in their own way.
  """
  ids = [int(token) for token in ids]
  found: list[str] = []
  # Decoded: ids[start:end]. Its first `known` characters are those of earlier tokens.
  start = fresh = known = 0
  for end in range(1, len(ids) + 1):
    text = tokenizer.decode(ids[start:end])
    whole = text if end == len(ids) else text.rstrip(REPLACEMENT)
    found.append(whole[known:])
    known = max(known, len(whole))
    if found[-1] and len(whole) == len(text):
      start, fresh = fresh, end
      known = len(tokenizer.decode(ids[start:end]))
  return found


def part_starts(text: str, separator: str) -> Iterator[int]:
  """Where the parts between separators start, the first one left out.

  A part of blanks belongs to the one before it, and at the start to the first one.
  """
  start, filled = 0, False
  for part in text.split(separator):
    if part.strip():
      if filled:
        yield start
      filled = True
    start += len(part) + len(separator)


def by_characters(pieces: Sequence[str], starts: Sequence[int]) -> np.ndarray:
  """Step numbers [R] of tokens, from the characters at which new steps start."""
  lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
  first = np.cumsum(lengths) - lengths  # the offset of each token's first character
  inside = sorted(start for start in starts if 0 < start < lengths.sum())
  passed = np.searchsorted(inside, first, side="right")
  return by_tokens(np.diff(passed, prepend=passed[:1]) > 0)


def by_tokens(starts: np.ndarray) -> np.ndarray:
  """Step numbers [R] of tokens, from True where one starts a step [R].

  The first token starts step 0, whatever is said of it.
  """
  steps = np.cumsum(starts, dtype=np.int32)
  return steps - steps[:1]

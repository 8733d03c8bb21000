"""Documents that a judge may rely on: found by the words of a question.

Med-PRM, https://arxiv.org/abs/2506.11474, retrieves for each question; whole documents
are taken in the order of retrieval until the next would exceed the room, without
skipping to a shorter one. Retrieval is by TF-IDF and cosine; ties go to the earlier
document, and one without a word of the question is not found.
"""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from jaxrl.errors import UserError


@dataclasses.dataclass(frozen=True)
class Corpus:
  """Documents, and how to find them."""

  texts: Sequence[str]
  vectorizer: Any
  vectors: Any  # [N, words], rows of norm 1

  def search(self, question: str, most: int) -> list[str]:
    """At most so many documents that share a word with the question, best first."""
    similarity = (self.vectors @ self.vectorizer.transform([question]).T).toarray()[
      :, 0
    ]
    order = np.argsort(-similarity, kind="stable")[:most]
    return [self.texts[i] for i in order if similarity[i] > 0]


def corpus(texts: Sequence[str]) -> Corpus:
  """An index of the texts."""
  # Words of one character too: the digits and variables of short documents.
  vectorizer = TfidfVectorizer(token_pattern=r"\w+")
  return Corpus(texts, vectorizer, vectorizer.fit_transform(texts))


def read(path: str) -> Corpus:
  """The documents of a JSONL file of {"text": ...}.

  Raises:
    UserError: no such file, a line that is no document, or no document with a word.
  """
  file = pathlib.Path(path)
  if not file.is_file():
    raise UserError(
      f"{path}: no such file of documents; lines of it are {{'text': ..}}"
    )
  texts = []
  for number, line in enumerate(file.read_text().splitlines(), start=1):
    try:
      text = json.loads(line)["text"]
    except (ValueError, KeyError, TypeError):
      text = None
    if not isinstance(text, str) or not text.strip():
      raise UserError(f"{path}:{number}: no text under 'text'; mend or remove the line")
    texts.append(text)
  try:
    return corpus(texts)
  except ValueError:
    raise UserError(f"{path}: it holds no document with a word in it") from None


def that_fit(
  found: Sequence[str], room: int, tokens_of: Callable[[str], int]
) -> tuple[str, ...]:
  """The documents before the first with which they would exceed the room in tokens."""
  kept: list[str] = []
  for text in found:
    room -= tokens_of(text)
    if room < 0:
      break
    kept.append(text)
  return tuple(kept)

"""How likely a model is to answer a question with yes. Host code."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from jaxrl.build import Run
from jaxrl.prm import choices, writing
from jaxrl.types import Tree

_ANSWER = "\nAnswer:"
_WORDS = (" Yes", " No")


def shares(
  run: Run,
  params: Tree,
  asked: Sequence[str],
  *,
  batch_rows: int,
  counts: Counter,
) -> np.ndarray:
  """P(yes) / (P(yes) + P(no)) [N] of each question; NaN where it is too long."""
  most = run.config.sampling.max_prompt_tokens
  behind = run.tokenizer.encode(_ANSWER)
  prefixes = [writing.encode(run, text) + behind for text in asked]
  short = [i for i, ids in enumerate(prefixes) if len(ids) <= most]
  counts["questions_too_long"] += len(asked) - len(short)
  found = np.full(len(asked), np.nan)
  if short:
    logp = choices.log_probs(
      run,
      params,
      [prefixes[i] for i in short],
      [run.tokenizer.encode(word) for word in _WORDS],
      batch_rows=batch_rows,
      max_tokens=most,
    )
    found[short] = 1 / (1 + np.exp(logp[:, 1] - logp[:, 0]))
  return found

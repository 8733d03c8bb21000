"""Yeo et al. 2025, appendix C.2: a set of the n-grams seen so far."""

import numpy as np

CASES = [
  {},
  {"n": 1},
  {"n": 1, "penalty": 0.5},
  {"n": 2},
  {"n": 2, "only_start": True},
  {"n": 3},
]


def repetition_penalty(tokens, mask, *, n=40, penalty=0.05, only_start=False):
  """Minus the penalty on every token of an n-gram seen before."""
  rewards = np.zeros(mask.shape)
  for i in range(len(tokens)):
    seen = set()
    for start in range(tokens.shape[1] - n + 1):
      window = range(start, start + n)
      if not all(mask[i, t] for t in window):
        continue
      ngram = tuple(int(tokens[i, t]) for t in window)
      if ngram in seen:
        for t in window[:1] if only_start else window:
          rewards[i, t] = -penalty
      seen.add(ngram)
  return rewards

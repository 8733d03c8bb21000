"""Yeo et al. 2025, section 4.2: CosFn between two rewards, one pair a verdict."""

import math

CASES = [
  {},
  {"max_tokens": 8},
  {"max_tokens": 5},
  {"max_tokens": 8, "correct": (1.0, 0.5)},
  {"max_tokens": 8, "wrong": (-1.0, -0.5)},
  {"max_tokens": 4, "exceed": -3.0},
]


def cosine_length(
  mask,
  score,
  scored,
  *,
  max_tokens=16384,
  correct=(2.0, 1.0),
  wrong=(-10.0, 0.0),
  exceed=-10.0,
):
  """One reward a row."""
  rewards = []
  for row, s, verdict in zip(mask, score, scored, strict=True):
    length = int(sum(row))
    if not verdict:
      rewards.append(0.0)
    elif length >= max_tokens:
      rewards.append(exceed)
    else:
      start, end = correct if s > 0.5 else wrong
      middle, swing = (start + end) / 2, (start - end) / 2
      rewards.append(middle + swing * math.cos(length * math.pi / max_tokens))
  return rewards

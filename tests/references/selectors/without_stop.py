"""Yin et al. 2025: of a response that stopped, all but the token that says so."""

CASES = [{}]


def without_stop(mask, truncated):
  """Walk each row from its end."""
  left = []
  for row, cut in zip(mask, truncated, strict=True):
    kept = list(row)
    for t in range(len(kept) - 1, -1, -1):
      if kept[t]:
        kept[t] = kept[t] if cut else 0.0
        break
    left.append(kept)
  return left

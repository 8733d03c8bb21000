"""DAPO section 3.4: overlong responses are filtered out."""


def drop_truncated(mask, truncated):
  """The mask that is left."""
  kept = []
  for row, cut in zip(mask, truncated, strict=True):
    kept.append([0.0] * len(row) if cut else list(row))
  return kept

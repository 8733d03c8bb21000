"""A3C: the entropy is added to what is maximised, so taken off the loss."""

CASES = [{}, {"coefficient": 0.5}]


def entropy_bonus(entropy, mask, *, coefficient=0.01):
  """Minus the coefficient times the entropy."""
  return [
    [-coefficient * h if keep else 0.0 for h, keep in zip(row, kept, strict=True)]
    for row, kept in zip(entropy, mask, strict=True)
  ]

"""Williams 1992: the sum over every step of every episode."""


def token_sum(losses, mask):
  """No division."""
  total = 0.0
  for row, kept in zip(losses, mask, strict=True):
    for loss, keep in zip(row, kept, strict=True):
      total += loss if keep else 0.0
  return total

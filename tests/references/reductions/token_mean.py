"""DAPO, eq. 8: the sum over all tokens divided by their number."""


def token_mean(losses, mask):
  """One mean over every trained token of the batch."""
  total, count = 0.0, 0
  for row, kept in zip(losses, mask, strict=True):
    for loss, keep in zip(row, kept, strict=True):
      if keep:
        total, count = total + loss, count + 1
  return total / count if count else 0.0

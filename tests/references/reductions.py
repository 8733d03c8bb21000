"""The scalar that per-token losses become, by its definition."""


def token_mean(losses, mask):
  """DAPO eq. 8: the sum over all tokens divided by their number."""
  total, count = 0.0, 0
  for row, kept in zip(losses, mask, strict=True):
    for loss, keep in zip(row, kept, strict=True):
      if keep:
        total, count = total + loss, count + 1
  return total / count if count else 0.0


def sequence_mean(losses, mask):
  """DeepSeekMath eq. 3: the mean over responses of the mean over their tokens."""
  means = []
  for row, kept in zip(losses, mask, strict=True):
    tokens = [loss for loss, keep in zip(row, kept, strict=True) if keep]
    if tokens:
      means.append(sum(tokens) / len(tokens))
  return sum(means) / len(means) if means else 0.0

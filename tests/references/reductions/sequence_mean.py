"""DeepSeekMath, eq. 3: the mean over responses of the mean over their tokens."""

CASES = [{}, {"count_empty": True}]


def sequence_mean(losses, mask, *, count_empty=False):
  """Empty rows are left out of the outer mean, or count as 0."""
  means = []
  for row, kept in zip(losses, mask, strict=True):
    tokens = [loss for loss, keep in zip(row, kept, strict=True) if keep]
    if tokens:
      means.append(sum(tokens) / len(tokens))
    elif count_empty:
      means.append(0.0)
  return sum(means) / len(means) if means else 0.0

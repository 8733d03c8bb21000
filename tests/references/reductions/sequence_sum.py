"""Dr. GRPO, eq. 3: the mean over responses of the sum over their tokens."""

CASES = [{}, {"divisor": 16.0}, {"count_empty": True}]


def sequence_sum(losses, mask, *, divisor=None, count_empty=False):
  """Empty rows are left out of the mean, or count as 0."""
  sums = []
  for row, kept in zip(losses, mask, strict=True):
    tokens = [loss for loss, keep in zip(row, kept, strict=True) if keep]
    if tokens or count_empty:
      sums.append(sum(tokens) / (1 if divisor is None else divisor))
  return sum(sums) / len(sums) if sums else 0.0

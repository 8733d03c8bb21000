"""Zhu et al. 2025: the samples that the verifier rejects."""

CASES = [{}, {"threshold": 0.0}]


def only_incorrect(mask, score, scored, *, threshold=0.5):
  """The mask that is left."""
  left = [list(row) for row in mask]
  for i, (s, v) in enumerate(zip(score, scored, strict=True)):
    if s > threshold or not v:
      left[i] = [0.0] * len(left[i])
  return left

"""RAFT with a verifier: what it accepts is trained on."""

CASES = [{}, {"threshold": 0.0}]


def only_correct(mask, score, scored, *, threshold=0.5):
  """The mask that is left."""
  left = []
  for row, s, v in zip(mask, score, scored, strict=True):
    if v and s > threshold:
      left.append(list(row))
    else:
      left.append([0.0] * len(row))
  return left

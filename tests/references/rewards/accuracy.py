"""DeepSeek-R1 section 2.2.2: the rule-based accuracy reward."""

CASES = [{}, {"weight": 0.5}]


def accuracy(score, *, weight=1.0):
  """The verifier's score."""
  return [weight * s for s in score]

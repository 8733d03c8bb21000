"""One reward a response."""


def accuracy(score, *, weight=1.0):
  """DeepSeek-R1 section 2.2.2: the rule-based accuracy reward."""
  return [weight * s for s in score]


def answer_format(formatted, *, weight=1.0):
  """DeepSeek-R1 section 2.2.2: the format reward."""
  return [weight if f else 0.0 for f in formatted]

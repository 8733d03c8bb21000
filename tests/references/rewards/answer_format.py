"""DeepSeek-R1 section 2.2.2: the format reward."""

CASES = [{}, {"weight": 0.5}]


def answer_format(formatted, *, weight=1.0):
  """One for the asked form."""
  return [weight if f else 0.0 for f in formatted]

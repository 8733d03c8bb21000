"""Steps between separators, walked character by character."""

from tests.references.prm.steps.newline import dense

CASES = [{}, {"text": "\n"}, {"text": " <step>"}, {"text": "\n\n\n"}]


def separator(pieces, *, text="\n\n"):
  """A step that is not blank starts behind a separator, once one was there."""
  whole = "".join(pieces)
  step_of, step, filled, at = [], 0, False, 0
  while at < len(whole):
    # `at` stands at the start of a part.
    end = at
    while end < len(whole) and not whole.startswith(text, end):
      end += 1
    blank = all(char.isspace() for char in whole[at:end])
    if not blank:
      step += 1 if filled else 0
      filled = True
    after = min(end + len(text), len(whole))
    step_of += [step] * (after - at)
    at = after
  return dense(pieces, step_of)

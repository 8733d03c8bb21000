"""Wang et al. 2023: "Step 3" starts a step; read line by line, without a regex."""

from tests.references.prm.steps.newline import dense

CASES = [{}, {"pattern": r"Step \d+"}]


def step_word(pieces, *, pattern=r"^[ \t#*]*Step \d+"):
  """By default only at the start of a line, behind blanks and marks."""
  text = "".join(pieces)
  at_line_start = pattern.startswith("^")
  step_of, step = [], 0
  for at in range(len(text)):
    if starts(text, at, at_line_start) and text[:at].strip():
      step += 1
    step_of.append(step)
  return dense(pieces, step_of)


def starts(text, at, at_line_start):
  """Whether "Step <digit>" stands here, or behind marks from a line's start on."""
  word = at
  if at_line_start:
    if at > 0 and text[at - 1] != "\n":
      return False
    while word < len(text) and text[word] in " \t#*":
      word += 1
  rest = text[word:]
  return rest.startswith("Step ") and len(rest) > 5 and rest[5].isdigit()

"""Dai et al. 2024: lines of code are steps; walked character by character."""

from tests.references.prm.steps.newline import dense


def code_lines(pieces):
  """The step of each token is that of the character at which it starts."""
  text = "".join(pieces)
  fences = [line for line in text.split("\n") if "```" in line]
  step_of, step, started = [], 0, False
  for at in range(len(text)):
    if at == 0 or text[at - 1] == "\n":
      line = text[at:].split("\n")[0].strip()
      above = [one.strip() for one in text[:at].split("\n")[:-1]]
      open_marks = sum(one[:3] == "```" for one in above)
      in_code = not fences or open_marks % 2 == 1
      if line and line[0] != "#" and line[:3] != "```" and in_code:
        step += started
        started = True
    step_of.append(step)
  return dense(pieces, step_of)

"""Pan et al. 2023: steps are lines; walked character by character."""


def newline(pieces):
  """The step of each token is that of the character at which it starts."""
  text = "".join(pieces)
  step_of, step, filled = [], 0, False
  for at in range(len(text)):
    line_start = at == 0 or text[at - 1] == "\n"
    if line_start:
      line = text[at:].split("\n")[0]
      if line.strip() and filled:
        step += 1
      filled = filled or bool(line.strip())
    step_of.append(step)
  return dense(pieces, step_of)


def dense(pieces, step_of):
  """Numbers of tokens without gaps: a step inside one token leaves one."""
  found, seen, at = [], [], 0
  for piece in pieces:
    # What follows the last character is that character's step.
    step = step_of[min(at, len(step_of) - 1)] if step_of else 0
    if step not in seen:
      seen.append(step)
    found.append(seen.index(step))
    at += len(piece)
  return found

"""Choudhury 2025: an agent's turn is a step."""


def turns(turns):
  """Counts how often the number changes."""
  found, step = [], 0
  for token, turn in enumerate(turns):
    if token > 0 and turn != turns[token - 1]:
      step += 1
    found.append(step)
  return found

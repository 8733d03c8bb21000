"""Ma et al. 2023 (HGS-PRM): positive steps first, back where all is bad."""

CASES = [
  {},
  {"children": 2},
  {"children": 1, "samples": 20},
  {"children": 2, "samples": 6},
]


class OutOfSamples(Exception):
  """The limit."""


def hgs(game, draws, *, children=3, samples=50):
  """(code of the node to answer from, samples used); `draws` one a sample."""
  used = 0
  entered = [(0, 0)]

  def visit(code, depth):
    """The code of an answer below, or None where the node is dead."""
    nonlocal used
    entered.append((depth, code))
    if depth == game.deepest:
      return code
    neutral = []
    for _ in range(children):
      if used == samples:
        raise OutOfSamples
      child = game.code(code, draws[used])
      used += 1
      label = game.label(child)
      if label == 2:
        found = visit(child, depth + 1)
        if found is not None:
          return found
      elif label == 1:
        neutral.append(child)
    for child in neutral:
      # The limit is looked at before each move, down or up, as before each sample.
      if used == samples:
        raise OutOfSamples
      found = visit(child, depth + 1)
      if found is not None:
        return found
    if used == samples:
      raise OutOfSamples
    return None

  try:
    found = visit(0, 0)
    return (0 if found is None else found), used
  except OutOfSamples:
    depth = max(depth for depth, _ in entered)
    return next(code for d, code in entered if d == depth), used

"""Chen et al. 2024, implementation_details.md: value_loss / (mask.sum() + 1e-3)."""


def per_labelled_step(mask, step_labelled):
  """All tokens over the step ends and a thousandth, on the latter."""
  every = ends = 0
  factors = [[0.0] * len(row) for row in mask]
  places = []
  for i, row in enumerate(mask):
    for t, keep in enumerate(row):
      every += 1 if keep else 0
      if keep and step_labelled[i][t]:
        ends += 1
        places.append((i, t))
  for i, t in places:
    factors[i][t] = every / (ends + 0.001)
  return factors

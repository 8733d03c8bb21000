"""Chen et al. 2024: the language model's loss is a mean over right paths alone."""


def per_right_token(mask, score, scored):
  """All tokens over those of right rows, on the latter."""
  every = right = 0
  for row, s, v in zip(mask, score, scored, strict=True):
    here = sum(1 for keep in row if keep)
    every += here
    right += here if v and s > 0.5 else 0
  return [
    [every / right if keep and v and s > 0.5 else 0.0 for keep in row]
    for row, s, v in zip(mask, score, scored, strict=True)
  ]

"""Zou et al. 2025: outcome and process reward blended."""

CASES = [{}, {"beta": 0.0}, {"beta": 1.0}, {"alpha": 0.0}, {"alpha": 1.5, "beta": 0.3}]


def reasonflux(score, step_scores, step_scored, mask, *, alpha=1.0, beta=0.75):
  """(1 - beta) outcome + beta (mean of the steps + alpha times the last)."""
  values = []
  for i in range(len(score)):
    process, steps = 0.0, 0
    for t in range(len(mask[i])):
      if mask[i, t] and step_scored[i, t]:
        whole = step_scores[i, t]
        process, steps = process + whole, steps + 1
    r_hat = process / steps + alpha * whole if steps else 0.0
    values.append((1 - beta) * score[i] + beta * r_hat)
  return values

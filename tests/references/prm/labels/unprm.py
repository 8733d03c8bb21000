"""Han et al. 2025: visit steps by descending entropy; first below the question."""

import math

CASES = [{}]


def entropy(logp):
  """Of softmax(logp / 5) over the positions of a step."""
  mass = [math.exp(value / 5) for value in logp if math.isfinite(value)]
  return -sum(m / sum(mass) * math.log(m / sum(mass)) for m in mass)


def rate(right, likelihood):
  """Right likelihood over all likelihood; None if there is none."""
  won = total = 0.0
  for r, g in zip(right, likelihood, strict=True):
    if not math.isnan(r) and not math.isnan(g):
      total += g
      won += g if r == 1 else 0.0
  return won / total if total > 0 else None


def search(visits, right, likelihood, outcome):
  """Labels, given the prefixes in the order of their visits."""
  steps = len(right) - 1
  if math.isnan(outcome):
    return [math.nan] * steps
  if outcome == 1:
    return [1.0] * steps
  error, sure = steps, True
  reference = rate(right[0], likelihood[0])
  for prefix in visits:
    here = rate(right[prefix], likelihood[prefix])
    if here is None or reference is None:
      sure = False
    elif here < reference - 1e-9:
      error, sure = prefix, True
      break
  if not sure:
    return [math.nan] * steps
  return [1.0 if t < error else 0.0 for t in range(1, steps + 1)]


def unprm(right, likelihood, step_logp, outcome):
  """All steps but the last, by descending entropy, ties in order."""
  u = [entropy(logp) for logp in step_logp]
  visits = sorted(range(1, len(right) - 1), key=lambda t: (-round(u[t - 1], 12), t))
  return search(visits, right, likelihood, outcome)

"""Zou et al. 2025: softmax-weighted mean of three numbers, step by step."""

import math

CASES = [{}, {"temperature": 1.0}]


def reasonflux_prm(alignment, neighbours, verdicts, template_right, *, temperature=0.1):
  """The last step's label is the share of right answers by its plan."""
  steps = len(alignment)
  labels = []
  for t in range(steps - 1):
    votes = [judge[t] for judge in verdicts if not math.isnan(judge[t])]
    own = neighbours[t][0] / temperature
    if not votes or math.isnan(alignment[t]) or any(map(math.isnan, neighbours[t])):
      labels.append(math.nan)
      continue
    others = sum(math.exp(c / temperature) for c in neighbours[t])
    x = [alignment[t], sum(votes) / len(votes), own - math.log(others)]
    total = sum(math.exp(v) for v in x)
    labels.append(sum(math.exp(v) / total * v for v in x))
  if steps:
    known = [r for r in template_right if not math.isnan(r)]
    labels.append(sum(known) / len(known) if known else math.nan)
  return labels

"""Li and Li 2024: the ranking loss of a solution, a mean over its terms."""

import math

import numpy as np

REINFORCE = False  # a ranking of steps: there is no policy in it
CASES = [{}, {"zeta": 0.0}, {"zeta": 2.5}]


def pqm(step_logits, step_labels, mask, *, zeta=4.0):
  """Each term at its step, such that a row's mean is the mean over the terms."""
  losses = np.zeros(mask.shape)
  for i in range(len(mask)):
    steps = [t for t in range(mask.shape[1]) if mask[i, t]]
    right = [t for t in steps if step_labels[i, t] > 0.5]
    wrong = [t for t in steps if step_labels[i, t] <= 0.5]
    below = sum(math.exp(step_logits[i, w] + zeta) for w in wrong)
    terms = {}
    for place, t in enumerate(right):
      q = math.exp(step_logits[i, t])
      earlier = sum(math.exp(step_logits[i, j]) for j in right[:place])
      terms[t] = -math.log(q / (q + 1 + earlier + below))
    if wrong:
      terms[wrong[0]] = -math.log(1 / (1 + below))
    for t, term in terms.items():
      losses[i, t] = term / len(terms) * len(steps)
  return losses

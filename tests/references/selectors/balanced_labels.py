"""Kamoi et al. 2025: as many right steps as wrong ones, last steps apart."""

import numpy as np

CASES = [{}, {"threshold": 0.2}, {"threshold": 2.0}]


def balanced_labels(mask, step_labels, noise, *, threshold=0.5):
  """Walks all steps in the order of their noise, as long as there is room."""
  places = list(zip(*np.nonzero(mask), strict=True))
  kind = lambda i, t: not any(mask[i, t + 1 :])
  is_right = lambda i, t: step_labels[i, t] >= threshold
  left = np.zeros(mask.shape)
  for last in (False, True):
    of_kind = [place for place in places if kind(*place) == last]
    right = [place for place in of_kind if is_right(*place)]
    wrong = [place for place in of_kind if not is_right(*place)]
    for some in (right, wrong):
      some.sort(key=lambda place: noise[place])
      for place in some[: min(len(right), len(wrong))]:
        left[place] = 1.0
  return left

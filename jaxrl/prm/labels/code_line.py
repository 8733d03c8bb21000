"""PSGPO: lines of code, by the first that cannot be saved. Dai et al.,
https://arxiv.org/abs/2410.17621.

  y_k = +1 for k < f, -1 from f on;  f the first line none of whose K completions passes

and +1 everywhere where the program itself passes. Steps are lines, `right` is a pass of
all unit tests, and the labels are targets of a regression. Whether a prefix can be
saved is taken to fall along the program, so that f is found by halves
(`queries/bisect`); what passes after f counts for nothing.

Where the paper is silent: lines between the last prefix that is known to be good and
the first known to be bad have no label, so an unfinished search leaves a gap. Neutral
labels for comments and blank lines need the text and are not here.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def code_line(
  right: Float[np.ndarray, "P K"], outcome: float
) -> Float[np.ndarray, " S"]:
  """+1 before the first bad line, -1 from it on, NaN where it may be."""
  if outcome > 0:
    return np.ones(len(right) - 1)
  good, bad = evidence_rules.bracket(right, outcome)
  prefix = np.arange(1, len(right))
  return np.where(prefix <= good, 1.0, np.where(prefix >= bad, -1.0, np.nan))

"""Qwen2.5-Math-PRM: completions and judge name the same first error. Zhang et al.,
https://arxiv.org/abs/2501.07301.

  f   = first t none of whose completions is right
  f_J = first t that the judge rejects
  y_t = 1 for t < f, 0 at f, none after, if f = f_J;  else no labels at all

Both finding no error counts as agreement, and recoveries after f count for nothing. The
last step of f is the outcome. Where the paper is silent: of several judges each must
name f; one that gave no verdict on a step up to its first error is left out, and
without any other judge there are no labels; nor where a step up to f was not asked.

Id: consensus_filtering
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def consensus_filtering(
  right: Float[np.ndarray, "P K"],
  outcome: float,
  verdicts: Float[np.ndarray, "M S"],
) -> Float[np.ndarray, " S"]:
  """1 before the first error, 0 at it, NaN after; all NaN without agreement."""
  rates = evidence_rules.solved(right, outcome)[1:]
  first = evidence_rules.first_error(rates)
  named = {evidence_rules.first_error(judge.astype(float)) for judge in verdicts}
  agreed = first is not None and named - {None} == {first}
  return evidence_rules.up_to_error(first if agreed else None, len(rates))

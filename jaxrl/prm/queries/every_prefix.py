"""Every prefix, in order. As Math-Shepherd, Wang et al.,
https://arxiv.org/abs/2312.08935.

  next = the first of 0 .. S - 1 that was not asked

S questions. Prefix 0 is the question itself, whose rate some rules compare with; the
whole solution is not asked, as the last step is graded by the outcome.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules
from jaxrl.prm.evidence import DONE


def every_prefix(right: Float[np.ndarray, "P K"]) -> int:
  """The next prefix to complete, or DONE."""
  open_ = np.flatnonzero(np.isnan(evidence_rules.shares(right)[:-1]))
  return int(open_[0]) if len(open_) else DONE

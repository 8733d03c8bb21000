"""HGS-PRM: lines of mutated programs. Ma et al., https://arxiv.org/abs/2310.10080.

  y_t = +1 on lines left as they are in a right program, up to the changed one
  y_m = -1 on the changed line if the tests then fail, 0 (neutral) if they pass

where `checked` is 1 on unchanged lines, 0 on the changed one and NaN behind it, and
`outcome` is the tests' verdict. The three values are the classes that
`prm/objectives/step_classes` learns and `search/hgs` walks by. A changed line whose
tests gave no verdict has no label.
"""

import numpy as np
from jaxtyping import Float


def hgs_prm(
  checked: Float[np.ndarray, " S"], outcome: float
) -> Float[np.ndarray, " S"]:
  """+1 positive, 0 neutral, -1 negative, NaN where there is no label."""
  changed = np.nan if np.isnan(outcome) else float(outcome > 0) - 1.0
  return np.where(checked == 0, changed, checked.astype(float))

"""EDU-PRM: the share of a fragment's leaves that are right. Cao et al.,
https://arxiv.org/abs/2503.22233.

  y_t = values_t,  hard: 1[values_t > 1/2]

of the node after t fragments of the tree (`trees/edu_prm`), of which a leaf's is 0 or 1
itself. Soft or hard was not seen; soft is the default here. A fragment without a value
has no label.
"""

import numpy as np
from jaxtyping import Float


def edu_prm(
  values: Float[np.ndarray, " P"], *, hard: bool = False
) -> Float[np.ndarray, " S"]:
  """Shares, or whether they are above a half."""
  shares = np.clip(values[1:].astype(float), 0.0, 1.0)
  if not hard:
    return shares
  return np.where(np.isnan(shares), np.nan, shares > 0.5)

"""ActPRM: judges are asked only where the heads are not sure. Duan et al.,
https://arxiv.org/abs/2504.10559.

  mu_t = mean_m p_mt,  s_t = std_m p_mt (over M - 1, 0 for one head)
  f    = first step t with mu_t < 1/2, else the last one
  next = JUDGE unless, at all t <= f,
         s_t <= delta_std and (mu_t >= delta_p or mu_t <= 1 - delta_p)

for a solution that was not judged yet, then DONE. p is what the heads of the model in
`prm`, trained by `ensemble_bce` so far, say of the solution. What they are sure of gets
no label at all: it is not labelled by themselves. With no model yet, or a step that it
could not read, nothing is sure.

Thresholds are the paper's as remembered; the released script's 5 and -1 ask always, as
does any delta_std below 0.

Id: actprm
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm.evidence import DONE, JUDGE


def untrusted(
  heads: Float[np.ndarray, "S H"],
  verdicts: Float[np.ndarray, "M S"],
  *,
  delta_p: float = 0.95,
  delta_std: float = 0.005,
) -> int:
  """JUDGE where the judges are worth asking, else DONE."""
  if len(verdicts):
    return DONE
  steps, count = heads.shape
  if count == 0:
    return JUDGE
  mean = heads.mean(axis=1)
  spread = heads.std(axis=1, ddof=1) if count > 1 else np.zeros(steps)
  wrong = np.flatnonzero(mean < 0.5)
  end = wrong[0] + 1 if len(wrong) else steps
  # A comparison with NaN is False: what was not read is not sure.
  sure = (spread <= delta_std) & ((mean >= delta_p) | (mean <= 1 - delta_p))
  return DONE if sure[:end].all() else JUDGE

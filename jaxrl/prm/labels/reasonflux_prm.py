"""ReasonFlux-PRM: a blend for each thought, a share for the whole. Zou et al.,
https://arxiv.org/abs/2506.18896.

  x_t = (a_t, q_t, c_t),  w = softmax(x_t),  y_t = w . x_t        for the steps t < S
  c_t = log(e^(cos_t / tau) / (e^(cos_t / tau) + sum_n e^(cos_tn / tau)))
  y_S = share of right ones among K answers that follow the solution's plan

of a solution whose last step is its final answer, with the thought before it (see the
rule `final_answer`). a_t is the cosine of step t with the nearest line of the answer,
q_t the share of judges that accept it, cos_t its cosine with the step before and cos_tn
that of unrelated steps with the step before. The weights are a softmax of the values
themselves, so y_t lies between them; c_t has no lower bound and is not clipped.

Where the paper's notes differ or are silent: a_t is the maximum over the answer's
lines, not the line of the same number; tau is 0.1; the first step's step before is the
question; q_t is a mean of verdicts, not a number that a judge writes. A step of which
one of the three is not known has no label, nor has a trajectory without an answer by
plan that could be scored. The encoder is the labelling model itself (`thoughts`).

Id: reasonflux_prm
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def reasonflux_prm(
  alignment: Float[np.ndarray, " S"],
  neighbours: Float[np.ndarray, "S N"],
  verdicts: Float[np.ndarray, "M S"],
  template_right: Float[np.ndarray, " K"],
  *,
  temperature: float = 0.1,
) -> Float[np.ndarray, " S"]:
  """Labels of the thoughts, and behind them that of the trajectory."""
  quality = evidence_rules.shares(verdicts.T)
  scaled = neighbours / temperature
  top = scaled.max(axis=1, initial=-np.inf)
  total = np.log(np.exp(scaled - top[:, None]).sum(axis=1)) + top
  x = np.stack([alignment, quality, scaled[:, 0] - total], axis=1)
  weights = np.exp(x - x.max(axis=1, keepdims=True))
  labels = (weights * x).sum(axis=1) / weights.sum(axis=1)
  labels[-1:] = evidence_rules.shares(template_right[None])
  return labels

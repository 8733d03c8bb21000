"""Particle filtering: rows are drawn anew in proportion to their odds. Puri et al., https://arxiv.org/abs/2502.01618.

  w_i = softmax_i(l),  l_i = logit(p_i);  parents_i ~ w

of the latest score only: weights do not add up over steps (`loop.logit`, which keeps
p within 1e-7 of 0 and 1). Finished rows take part with their last weight. The answer
is the row with the highest log-weight at the end, `loop.best`, or a draw by it.
"""

from jaxtyping import Array, Int, Key

from jaxrl.search.resampling import RULES, Rule
from jaxrl.search.state import Beams


def particle_filter(
  beams: Beams,
  key: Key[Array, ""],
  *,
  resample: Rule = "multinomial",
) -> Int[Array, " N"]:
  """Parents, drawn by the log-weights."""
  return RULES[resample](key, beams.log_weight)

"""AdaptiveStep: a step starts where the policy is unsure. Liu et al., https://arxiv.org/abs/2502.13943.

  c_i = pi(y_i | x, y_<i);  token i starts a step where c_i < threshold

with c_i of the token that was sampled and `threshold` the 2 % quantile of all c_i of a
pool of responses: `quantile_threshold`. It has no default, as it is a number of one
policy and its sampling temperature.

The paper does not say whether the quantile is one of the pool or of each response:
the pool's here. Neighbouring unsure tokens give steps of one token, unless
`min_tokens` asks for longer ones: a start that comes too early is then passed over, and
the last step may still be short. The first token starts the first step whatever its
probability, so that a response has one step less than unsure tokens where that token
is one of them. A NaN (a token that was not sampled) starts none.

Each prefix that ends at a step's end is then labelled by completions
(`math_shepherd_hard`) and the model trained on that (`step_bce`).

Id: adaptivestep
"""

from collections.abc import Iterable

import numpy as np

from jaxrl.errors import UserError
from jaxrl.prm.response import by_tokens


def adaptivestep(
  logp: np.ndarray, *, threshold: float, min_tokens: int = 1
) -> np.ndarray:
  """Number of each token's step, [R] int32.

  Args:
    logp: [R] log-probabilities of the sampled tokens.
    threshold: probability below which a token starts a step.
    min_tokens: of a step, the last one left out.
  """
  unsure = np.exp(np.asarray(logp, dtype=np.float64)) < threshold
  if min_tokens > 1:
    last = 0
    for token in np.flatnonzero(unsure).tolist():
      if token - last < min_tokens:
        unsure[token] = False
      else:
        last = token
  return by_tokens(unsure)


def quantile_threshold(pool: Iterable[np.ndarray], *, share: float = 0.02) -> float:
  """The probability that a share of the pool's tokens is below.

  Args:
    pool: log-probabilities of the sampled tokens of each response.
    share: of all tokens; ties make it less.
  """
  arrays = [np.asarray(logp, dtype=np.float64).ravel() for logp in pool]
  logps = np.sort(np.concatenate(arrays or [np.zeros(0)]))  # NaN last
  logps = logps[~np.isnan(logps)]
  if not len(logps):
    raise UserError("quantile_threshold: the pool has no sampled token")
  if not 0.0 <= share <= 1.0:
    raise UserError(f"quantile_threshold: share is {share}; it is from 0 to 1")
  below = round(share * len(logps))
  return float(np.exp(logps[below])) if below < len(logps) else float("inf")

"""prime-rl's default: group mean and the IPO loss.

Paper: IPO, Prime Intellect, https://docs.primeintellect.ai/prime-rl/ipo.md, as
documented in autumn 2026: R - mean, tokens masked where their probability is more than
0.3 off the sampler's, 1e-3 times the squared log-ratio, sum over all tokens left.
Groups without spread are filtered out.
Run: jaxrl train presets/prime_rl
Expect: advantages, losses and means of that library on the same batch, which
tests/test_presets.py compares with its formulas. What differs:
- Before, prime-rl masked on the side of the advantage's sign, at 0.2: that is the loss
  dppo_tv in gradient, but no regularizer has the squared log-ratio to the sampler that
  went with it.
- Log-ratios are kept within +-20 here; prime-rl overflows.
- Groups that were filtered are not replaced; name the selector in `refill` for that.
- Responses that failed are dropped there; here rows without a verdict do not train.
- Not taken over: asynchronous rollouts, whose age makes the ratio matter; sizes, rate
  and optimiser are those of configs/base.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With one update a batch the ratio is that of sampler and trainer alone."""
  return base.config(
    selectors=({"name": "spread_groups"},),
    advantage={"name": "group_mean"},
    loss={"name": "ipo", "limit": 0.3, "coefficient": 1e-3},
    reduction={"name": "token_mean"},
  )

"""PRIME: an implicit process reward on every token, from a model that learns along.

Paper: Cui et al., https://arxiv.org/abs/2502.01456 (4 samples a prompt, prompts solved
0.2 to 0.8 of the time, coefficients 5 and 1, rates 5e-7 of the policy and 1e-6 of the
model, whose gradients are clipped at 10). The model learns from the outcomes of a batch
and then scores it; prime_after has it the other way round. Sizes, the policy's
optimiser and rate are those of configs/base.py.
Run: jaxrl train prime
Expect: unmeasured. `advantages/rloo` in its place is the outcome alone; the authors
report 2.5 times fewer samples than that.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """Groups outside the range are drawn anew."""
  return base.config(
    **base.FOUR_UPDATES,
    rewards=({"name": "accuracy"},),
    refill=({"name": "difficulty_range", "low": 0.2, "high": 0.8},),
    advantage={"name": "prime", "process_coefficient": 5.0, "outcome_coefficient": 1.0},
    prm_update="before",
    prm_loss={"name": "implicit_ce", "beta": 0.05},
    prm_max_grad_norm=10.0,
    prm_schedule={"name": "constant", "learning_rate": 1e-6},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
  )

"""Best of 8 on short sums, by the model of steps that learned from completions.

Paper: Cobbe et al., https://arxiv.org/abs/2110.14168.
Run: bash scripts/prm_smollm2.sh (all stages)
Expect: see docs/prm_smollm2.md.
"""

from jaxrl.config import Config, SearchConfig
from jaxrl.configs import prm_smollm2


def config() -> Config:
  """Eight samples of each of 60 unseen sums."""
  return prm_smollm2.config(
    task=prm_smollm2.SUMS,
    explore={"name": "groups"},
    loss={"name": "ppo_clip"},
    prm="runs/prm_smollm2-sums",
    searching=SearchConfig(
      problems=60, rows=8, rounds=8, step_tokens=24, batch_problems=10
    ),
    search={"name": "best_of_n"},
  )

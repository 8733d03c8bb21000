"""A model of steps on SmolLM2-135M's own solutions of short sums.

Paper: Wang et al., Math-Shepherd, https://arxiv.org/abs/2312.08935, with soft labels.
Run: bash scripts/prm_smollm2.sh (all stages)
Expect: see docs/prm_smollm2.md.
"""

from jaxrl.config import Config
from jaxrl.configs import prm_smollm2


def config() -> Config:
  """Labels by 2 completions of every prefix; a head on the same weights."""
  return prm_smollm2.config(
    steps=120,
    task={
      "name": "labelled_steps",
      "path": f"{prm_smollm2.FOLDER}/labels.jsonl",
      # Of questions that the policy and this model have not seen, 8 completions each.
      "test_path": f"{prm_smollm2.FOLDER}/held_out.jsonl",
    },
    schedule={"name": "cosine", "learning_rate": 5e-5},
  )

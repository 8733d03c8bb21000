"""A policy trained on the best trajectories of its search trees.

Paper: Tian et al., AlphaLLM, https://arxiv.org/abs/2404.12253: supervised on what the
critics take for the best, right or not, before the next round of trees; that searches
with `--model.path` of what `jaxrl export runs/search-alphallm_policy` wrote.
Run: jaxrl search search/alphallm --searching.split train \
  --searching.write found.jsonl && jaxrl train search/alphallm_policy
Expect: unmeasured.
"""

from jaxrl.config import Config, EvaluationConfig
from jaxrl.configs import search


def config() -> Config:
  """What differs from the searches."""
  return search.config(
    prm=None,
    task={"name": "labelled_steps", "path": "found.jsonl"},
    explore={"name": "recorded", "train": "responses"},
    loss={"name": "sft"},
    evaluation=EvaluationConfig(problems=0),  # the file's test side has no verifier
  )

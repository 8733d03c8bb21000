"""A policy that judges and ranks its own solutions; nothing trains but the policy.

Paper: Feng et al., Self-PRM, https://arxiv.org/abs/2505.11227 (8 to 64 solutions; a
policy trained by RL for answers alone). How its text becomes a number is not said: the
probability of yes behind a look at all steps. Its policy is any run's, such as grpo's;
at each of its checkpoints the same commands show how well it judges.
Run: jaxrl train prm/self_prm \
  && jaxrl label runs/prm-self_prm own.jsonl \
  && jaxrl judge runs/prm-self_prm own.jsonl judged.jsonl --form steps
prints self_prm_accuracy beside majority_accuracy, and precision, the share of accepted
solutions that are right; on a benchmark's solutions (jaxrl.prm.benchmarks) its F1.
Expect: unmeasured.

Id: self_prm
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """GRPO on the problems whose solutions are labelled."""
  shared = prm.GENERATIVE
  return prm.generative(
    group_size=8,
    prompts_per_step=8,
    task=shared.labels_of,
    labelling=prm.labelling(solutions=8, split="test"),
    query={"name": "nothing"},
    labels={"name": "outcome_only"},
    explore={"name": "groups"},
    advantage={"name": "group_norm"},
    loss={"name": "ppo_clip"},
  )

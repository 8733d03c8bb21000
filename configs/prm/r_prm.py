"""A model that analyses a step, then says yes or no: preferences between its own texts.

Paper: She et al., R-PRM, https://arxiv.org/abs/2503.21295, stage 2: DPO on pairs of
analyses, one right and one wrong, after the SFT of `prm/r_prm_sft`. Beta is not in the
repository; 0.1 is assumed. The loss is the mean over steps with pairs of the mean over
their one or two pairs, the paper's over pairs.
Run: jaxrl export runs/prm-r_prm_sft r_prm_sft \
  && jaxrl judge runs/prm-r_prm_sft labels.jsonl pairs.jsonl --votes 8 \
  && jaxrl train prm/r_prm --model.path r_prm_sft
Its scores, the mean of P(yes) of K analyses:
  jaxrl judge runs/prm-r_prm new.jsonl scored.jsonl --votes 10
Expect: unmeasured.

Id: r_prm
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from the shared run; a group holds two pairs with a common side."""
  return prm.generative(
    group_size=3,
    micro_batch_tokens=3840,  # the longest group
    task={"name": "judgement_pairs", "path": "pairs.jsonl"},
    explore={"name": "recorded", "train": "responses"},
    selectors=({"name": "informative_groups"},),
    loss={"name": "prm/objectives/implicit_dpo", "beta": 0.1},
    reduction={"name": "prompt_mean"},
    readout={"name": "implicit"},
  )

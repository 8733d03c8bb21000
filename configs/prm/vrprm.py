"""A model that thinks, then gives one number a step: RL on labels alone.

Paper: Chen et al., VRPRM, https://arxiv.org/abs/2508.03556, here on text alone, after
the SFT of `prm/vrprm_sft`. Reward, loss and KL are those of the revised version's code
(GSPO, token form, clip 3e-4 and 4e-4, KL 0.2); group of 16, temperature 0.8, top-p
0.95. Batch and rate are those of configs/prm/__init__.py.
Run: jaxrl export runs/prm-vrprm_sft vrprm_sft && jaxrl label prm/vrprm labels.jsonl \
  && jaxrl train prm/vrprm --model.path vrprm_sft
Its scores are P("1") at each step's number; the best of N by their mean:
  jaxrl judge runs/prm-vrprm new.jsonl scored.jsonl --solution-score mean
Expect: unmeasured.

Id: vrprm
"""

import dataclasses

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from the shared run."""
  return prm.generative(
    group_size=16,
    prompts_per_step=4,
    sampling=dataclasses.replace(prm.GENERATIVE.sampling, temperature=0.8, top_p=0.95),
    task={"name": "judged_steps", "path": "labels.jsonl", "form": "answers"},
    labels={"name": "vrprm_certain"},
    explore={"name": "groups"},
    rewards=({"name": "vrprm"},),
    advantage={"name": "group_norm"},
    loss={"name": "gspo_token", "clip_low": 3e-4, "clip_high": 4e-4},
    regularizers=({"name": "kl_k3", "coefficient": 0.2},),
    reduction={"name": "sequence_mean"},
  )

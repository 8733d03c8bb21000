"""Steps by importance, quality and accuracy; the trajectory by outcome and knowledge.

Paper: Zhou et al., Fin-PRM, https://arxiv.org/abs/2508.15202 (learning rate 2e-5 by a
cosine, a head of two layers and two classes; the answer's mark counts as one more
step). DOCUMENTS has the knowledge, a JSON object {"text": ...} a line.
Run: jaxrl label prm/fin_prm labels.jsonl --labelling.judge.model JUDGE \
  --labelling.judge.documents DOCUMENTS && jaxrl train prm/fin_prm
Expect: unmeasured. Then: jaxrl train fin_prm (RL), prm/reasonflux_select (SFT).
"""

from jaxrl.config import Config, ModelConfig
from jaxrl.config_parts import JudgeConfig
from jaxrl.configs import prm

THINK = "Think in short paragraphs. Then write </think> and, after it, the answer."


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    model=ModelConfig(step_head_hidden=512),
    labels_of={**prm.BASE.labels_of, "system": THINK},
    cut={"name": "final_answer"},
    labels={"name": "fin_prm"},
    labelling=prm.labelling(judge=JudgeConfig(forms=("grader",), votes=4)),
    loss={"name": "prm/objectives/step_ce"},
    readout={"name": "class_share"},
    schedule={"name": "cosine", "learning_rate": 2e-5, "warmup_steps": 20},
  )

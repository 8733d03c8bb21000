"""An ensemble of heads; judges label only what the heads are not sure of.

Paper: Duan et al., ActPRM, https://arxiv.org/abs/2504.10559 (32 heads of two layers of
128, learning rate 1e-5 linear with 500 warm-up steps, batch 64). The paper chooses
batch by batch; here a round is a shard of the problems: label it with the heads of the
round before, then train on the folder of all that is labelled so far.
Run: jaxrl label prm/actprm labels/0.jsonl --labelling.shards 4 && jaxrl train \
  prm/actprm --output.directory runs/actprm-0 && jaxrl label prm/actprm \
  labels/1.jsonl --labelling.shards 4 --labelling.shard 1 --prm runs/actprm-0
Expect: unmeasured.
"""

from jaxrl.config import Config, ModelConfig
from jaxrl.config_parts import JudgeConfig
from jaxrl.configs import prm


def config() -> Config:
  """Rows that the heads have become sure of since are left out of the loss as well."""
  return prm.config(
    model=ModelConfig(step_heads_apart=True, step_head_hidden=128),
    task={**prm.BASE.task, "path": "labels"},
    query={"name": "untrusted"},
    labels={"name": "versaprm"},
    labelling=prm.labelling(judge=JudgeConfig(forms=("first_error",))),
    loss={"name": "prm/objectives/ensemble_bce"},
    readout={"name": "mean_of_heads"},
    optimizer={"name": "adamw_near_start"},
    schedule={"name": "linear", "learning_rate": 1e-5, "warmup_steps": 20},
  )

"""Steps by how much of a checklist they do: labels, and a head that learns them.

Paper: Chae et al., Web-Shepherd, https://arxiv.org/abs/2505.15277. Its model judges
actions as they are taken; a head on its rewards gives each step one in RL, as by
rewards/prm_step (level) or rewards/prm_delta (what the step adds).
Run: jaxrl label prm/web_shepherd_labels labels.jsonl \
  --labelling.judge.model runs/prm-web_shepherd && jaxrl train prm/web_shepherd_labels
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    query={"name": "nothing"},
    labels={"name": "web_shepherd"},
  )

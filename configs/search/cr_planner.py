"""Plans of reasoning and retrieval, chosen by four critics.

Paper: Li et al., CR-Planner, https://arxiv.org/abs/2410.01428 (a frozen strong model
writes there), with the critics that prm/cr_planner trains.
Run: jaxrl search search/cr_planner
Expect: unmeasured.
"""

import dataclasses

from jaxrl.config import Config
from jaxrl.configs.prm import cr_planner


def config() -> Config:
  """The plans that the critics were trained on, and who writes them."""
  return dataclasses.replace(
    cr_planner.config(),
    task=cr_planner.PLANS,
    explore={"name": "groups"},
    loss={"name": "ppo_clip"},
    search={"name": "cr_planner"},
  )

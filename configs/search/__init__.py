"""What all searches share: they differ in nothing but the strategy."""

import dataclasses
from typing import Any

from jaxrl.config import Config, SearchConfig
from jaxrl.configs import prm
from jaxrl.configs.base import EASY_ARITHMETIC

BASE = dataclasses.replace(
  prm.config(),
  task={**EASY_ARITHMETIC, "system": "Work it out step by step, a line each."},
  explore={"name": "groups"},
  loss={"name": "ppo_clip"},
  prm="runs/prm-base",
  searching=SearchConfig(problems=64, rows=16, rounds=12, step_tokens=32),
)


def config(**changes: Any) -> Config:
  """The shared search with some fields changed; those of `searching` too."""
  sizes = {f.name for f in dataclasses.fields(SearchConfig)} & set(changes)
  searching = dataclasses.replace(
    BASE.searching, **{name: changes.pop(name) for name in sizes}
  )
  return dataclasses.replace(BASE, searching=searching, **changes)

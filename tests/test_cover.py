"""Every method in a whole run: a cover of all by as few runs as will do."""

import dataclasses
import functools

import numpy as np
import pytest

from jaxrl import catalogue, loop, pick
from jaxrl import config as config_lib
from jaxrl.build import build_methods
from jaxrl.config import EvaluationConfig
from jaxrl.metrics import read_jsonl
from tests import tiny

# TensorStore's threads may outlive a checkpoint manager by a moment.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

# What a config says beside its methods, that belongs to its objective.
SETTINGS = catalogue.SETTINGS
METHODS = sorted({*config_lib.ONE, *config_lib.MANY} - {"task", "curriculum", "meta"})
# What a run reads only when it labels, or not without a file.
ALONE_NOTHING = (
  *("tasks", "curricula", "schedules", "prm/steps", "prm/trees", "prm/queries"),
  *("prm/labels", "prm/readouts", "prm/scores", "search/strategies"),
)
TERMS = ("rewards", "regularizers", "corrections")
OBJECTIVES = "prm/objectives"


def parts_of(config):
  """The methods that a step of a config runs, and its settings."""
  used = {path for path in catalogue.used(config) if not path.startswith(ALONE_NOTHING)}
  return used | {(name, getattr(config, name)) for name in SETTINGS}


@functools.cache
def loaded():
  """All configs that train, by name."""
  names = [name for name in config_lib.names() if "search" not in name]
  return {name: config_lib.load(name) for name in names}


@functools.cache
def cover():
  """Few runs that have every method and setting of all; (names, what they have).

  A method that no config names is "stage/name". Of TERMS a run takes any number: what
  the others have not used share one, "stage", and so do objectives of no config.
  """
  parts = {name: parts_of(config) for name, config in loaded().items()}
  every = set().union(*parts.values())
  alone = {
    f"{stage}/{method}"
    for stage in {*config_lib.ONE.values(), *config_lib.MANY.values()}
    for method in pick.names(stage)
    if not stage.startswith(ALONE_NOTHING)
  } - every
  is_term = lambda part: str(part).startswith(tuple(f"{stage}/" for stage in TERMS))
  chosen, left = {}, {part for part in every if not is_term(part)}
  while left:
    best = max(parts, key=lambda name: len(parts[name] & left))
    chosen[best] = parts[best] & left
    left -= parts[best]
  used = set().union(*(parts[name] for name in chosen))
  shared = (OBJECTIVES, *TERMS)  # of which a run has several
  lone = sorted(x for x in alone if not x.startswith(shared))
  return [*paired(chosen), *lone, *shared], used


def paired(chosen):
  """Runs of the chosen configs; who is there for an advantage alone lends it a loss.

  "gspo+opo" is gspo with opo's rewards and advantage. `chosen` says what each is for.
  """
  there_for = lambda stage: [
    name
    for name, new in chosen.items()
    if len(new) == 1 and str(*new).startswith(f"{stage}/")
  ]
  reads = lambda name: build_methods(loaded()[name])[1].needs
  losses = [name for name in there_for("losses") if "advantages" in reads(name)]
  lent = dict(zip(losses, there_for("advantages"), strict=False))
  return [
    f"{name}+{lent[name]}" if name in lent else name
    for name in chosen
    if name not in lent.values()
  ]


def config_of(name):
  """The config of a run of the cover."""
  if name in (OBJECTIVES, *TERMS):
    return together(name)
  name, _, lender = name.partition("+")
  chosen = config_lib.load(name)
  if not lender:
    return chosen
  lent = config_lib.load(lender)
  return dataclasses.replace(chosen, rewards=lent.rewards, advantage=lent.advantage)


def together(stage):
  """Updates with all methods of a stage that no other run of the cover has."""
  if stage == OBJECTIVES:
    return objectives()
  specs = {s["name"]: s for one in loaded().values() for s in getattr(one, stage)}
  left = [name for name in pick.names(stage) if f"{stage}/{name}" not in cover()[1]]
  chosen = tuple(specs.get(name, {"name": name}) for name in left)
  ratios = config_lib.load("losses/ppo_clip")
  return dataclasses.replace(ratios, old_logp="scorer", **{stage: chosen})


def objectives():
  """One objective, and others added to it."""
  first, *more = [
    f"{OBJECTIVES}/{name}"
    for name in pick.names(OBJECTIVES)
    if f"{OBJECTIVES}/{name}" not in cover()[1]
  ]
  added = tuple({"name": name} for name in more)
  return dataclasses.replace(config_lib.load(first), regularizers=added)


def test_every_config_has_methods_that_fit_together():
  for name in config_lib.names():
    _, objective = build_methods(config_lib.load(name))
    assert objective.needs, name  # a loss of nothing would train nothing


@pytest.mark.parametrize("name", cover()[0])
def test_every_method_runs_two_steps_in_a_config(tmp_path, name):
  """Its methods and hyper-parameters, on the tiny model and a verdict by chance."""
  chosen = config_of(name)
  of_steps = chosen.explore["name"] == "recorded"
  problems = {"name": f"{tiny.OWN}:parity_task", "levels": 7}
  if of_steps:
    path = tiny.labelled_path(count=40, of_each=8)
    problems = {"name": "labelled_steps", "path": path}
  small = (tiny.prm_config if of_steps else tiny.config)(
    tmp_path / "run",
    steps=2,
    prompts_per_step=4,
    group_size=8,  # some methods look at subsets of four
    task=problems,
    meta=problems,
    evaluation=EvaluationConfig(problems=0),
    **{field: getattr(chosen, field) for field in (*METHODS, *SETTINGS)},
  )
  if len(build_methods(small)[0].text_rewards) == len(small.rewards):  # noise to them
    rewards = (*small.rewards, {"name": f"{tiny.OWN}:even_tokens"})
    small = dataclasses.replace(small, rewards=rewards)
  model = dataclasses.replace(small.model, step_head=chosen.model.step_head)
  small = dataclasses.replace(small, model=model)
  needs = {name for part in build_methods(small) for name in part.needs}
  reads = needs & {"step_scores", "step_scored", "steps", "prm_log_ratio"}
  if reads and small.prm_update == "never":
    cut = {"name": "fixed_length", "tokens": 2}
    small = dataclasses.replace(
      small, prm=tiny.prm_directory("prm_log_ratio" in needs), cut=cut
    )
  loop.fit(small)
  rows = read_jsonl(tmp_path / "run" / "metrics.jsonl")
  assert len(rows) == 2 and all(row["kind"] == "train" for row in rows)
  if {"name": "drop_truncated"} not in small.selectors:  # it drops all of this model's
    assert max(row["grad_norm"] for row in rows) > 1e-6, "nothing was learnt"
  assert rows[-1]["skipped_updates"] == 0
  for row in rows:
    assert all(np.isfinite(v) for v in row.values() if isinstance(v, float)), row

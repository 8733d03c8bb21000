"""Rows of known outcomes, which weights of training rows are learnt from."""

import dataclasses

import numpy as np

from jaxrl.build import Run
from jaxrl.explore.recorded import rows_of
from jaxrl.types import Rollouts

STREAM = 1 << 16  # beside the numbers of epochs, which shuffle mini-batches


def known_outcomes(run: Run, step: int) -> Rollouts | None:
  """As many solutions as a mini-batch has rows, every step marked.

  None where the run reweights nothing, or the weights are not due to move after this
  step. Which ones is a function of the seed and the step.
  """
  config, parts = run.config, run.reweighting
  moves = step - config.meta_after
  if parts is None or moves <= 0 or moves % config.meta_every:
    return None
  rows = config.prompts_per_step * config.group_size // config.mini_batches
  rng = np.random.default_rng((config.seed, step, STREAM))
  order = rng.permutation(len(parts.known))
  pairs = [parts.known[i] for i in np.resize(order, rows)]
  # A label only says here that the step is read.
  found = [{**one, "labels": [0.0] * len(one["steps"])} for _, one in pairs]
  problems = [problem for problem, _ in pairs]
  asked = dataclasses.replace(run, task=parts.task)
  return run.packed(rows_of(asked, problems, found, train="steps"))

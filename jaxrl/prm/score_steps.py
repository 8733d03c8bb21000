"""What a process reward model says of the steps of some rows.

A model trained with jaxrl is a run directory: its config says how its head is read.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl import pick
from jaxrl.build import Run, build
from jaxrl.checkpoints import Checkpoints
from jaxrl.config import bind, from_json
from jaxrl.errors import UserError
from jaxrl.policy import Policy, jitted_reference_logp
from jaxrl.prm.response import Response, pieces
from jaxrl.problems import Task
from jaxrl.types import PolicyOutputs, Rollouts, Tree

NONE = np.iinfo(np.int32).max  # no step
READ_FROM_TOKENS = "logp"  # a readout that names it scores tokens, not what follows


@dataclasses.dataclass(frozen=True)
class StepScorer:
  """A trained model of steps, and how its outputs become scores."""

  run: Run
  params: Tree
  response_width: int  # of the rows that it scores: tokens behind a prompt, at most

  @property
  def of_tokens(self) -> bool:
    """Whether a score stands on a step's last token, and not on the one behind it."""
    return READ_FROM_TOKENS in self.needs

  def asked_by(self, task: Task) -> "StepScorer":
    """The same model, for problems of a task: it reads them as that task asks them."""
    return dataclasses.replace(self, run=dataclasses.replace(self.run, task=task))

  def __call__(self, batch: Rollouts) -> jax.Array:
    """Scores [B, T], 0..1, on the tokens of the mask."""
    if "logp_ref" in self.needs:
      logp_ref = jitted_reference_logp(self._policy, 1)(self.run.reference, batch)
      batch = dataclasses.replace(batch, logp_ref=logp_ref)
    return self.program(self.params, self.run.frozen, batch)

  @property
  def needs(self) -> tuple[str, ...]:
    """The arrays that the readout names."""
    return pick.needs(bind(self.run.config, "readout"))

  @property
  def program(self) -> Callable:
    """The jitted `(params, frozen, batch) -> scores`."""
    fields = tuple(
      f.name for f in dataclasses.fields(PolicyOutputs) if f.name in self.needs
    )
    return _compiled(self._policy, bind(self.run.config, "readout"), fields)

  def log_ratio(self, batch: Rollouts) -> jax.Array:
    """Log-probs [B, T] under an implicit model, minus those under its reference."""
    ratio = _compiled(self._policy, functools.partial(_logp), ("logp",))
    ours = ratio(self.params, self.run.frozen, batch)
    return ours - jitted_reference_logp(self._policy, 1)(self.run.reference, batch)

  @property
  def _policy(self) -> Policy:
    """The model, for rows as wide as those of the run that asks."""
    return dataclasses.replace(
      self.run.policy, response_width=self.response_width, responses_per_row=1
    )


def _logp(logp: jax.Array) -> jax.Array:
  return logp


_COMPILED: dict[Any, Callable] = {}


def _compiled(policy: Any, readout: Any, fields: tuple[str, ...]) -> Callable:
  """The jitted scorer: compiled once for a policy and a readout."""
  key = (policy, readout.func, tuple(sorted(readout.keywords.items())), fields)
  if key not in _COMPILED:

    def score(params: Tree, frozen: Tree, batch: Rollouts) -> jax.Array:
      outputs = policy.forward(params, frozen, batch, fields)
      return pick.call(readout, outputs, batch)

    _COMPILED[key] = jax.jit(score)
  return _COMPILED[key]


def load(directory: str, *, response_width: int | None = None) -> StepScorer:
  """The model of steps that a run trained, for responses of at most such a width.

  Raises:
    UserError: there is no such run, or it trained no model of steps.
  """
  path = pathlib.Path(directory)
  if not (path / "config.json").exists():
    raise UserError(f"prm {directory!r} is no run directory: it has no config.json")
  config = from_json(path / "config.json")
  run, state = build(config)
  with Checkpoints(path, keep=config.output.keep_checkpoints) as saved:
    restored = saved.restore(state)
  if restored is None:
    raise UserError(f"prm {directory!r} has no checkpoint yet; let it train first")
  if run.policy.step_head is None and "logp_ref" not in pick.needs(
    bind(config, "readout")
  ):
    raise UserError(
      f"prm {directory!r}: its run trained no step head, which its readout "
      f"{config.readout['name']!r} reads; train with one of jaxrl/prm/objectives"
    )
  width = run.policy.response_width if response_width is None else response_width
  return StepScorer(run, restored[0].params, width)


def check_implicit(scorer: StepScorer) -> StepScorer:
  """The scorer; UserError where its run kept no reference to compare with."""
  if scorer.run.reference is None:
    raise UserError(
      "config: a method reads prm_log_ratio, and the run in prm trained no implicit "
      "model; train one, such as prm/implicit_ce"
    )
  return scorer


def cut_rows(run: Run, batch: Rollouts) -> Rollouts:
  """The rows with the number of each response token's step, by the config's rule.

  The stop token belongs to the last step.
  """
  rule = bind(run.config, "cut")
  fields = (batch.tokens, batch.mask, batch.logp_old, batch.entropy_old)
  tokens, mask, logp, entropy = jax.device_get(fields)
  steps = np.full(tokens.shape, -1, np.int32)
  for row in range(len(tokens)):
    places = np.flatnonzero(mask[row])
    said = places
    if len(said) and tokens[row, said[-1]] in run.rules.stop_ids:
      said = said[:-1]
    ids = tokens[row, said].tolist()
    response = Response(
      pieces=pieces(run.tokenizer, ids),
      logp=None if logp is None else logp[row, said],
      entropy=None if entropy is None else entropy[row, said],
    )
    numbers = np.asarray(pick.call(rule, response), np.int32)
    steps[row, said] = numbers
    if len(places) > len(said):
      steps[row, places[-1]] = numbers[-1] if len(numbers) else 0
  return dataclasses.replace(batch, steps=jnp.asarray(steps))


def last_tokens(steps: jax.Array, truncated: jax.Array) -> jax.Array:
  """1. [B, T] on the last token of each step.

  The last step of a truncated response is not over, and has none. A step goes on behind
  a tool's output, whose tokens are no step's.
  """
  following = _following(steps)
  last = (steps >= 0) & (following != steps)
  unfinished = (following == NONE) & (truncated[:, None] > 0)
  return jnp.where(last & ~unfinished, 1.0, 0.0)


def _following(steps: jax.Array) -> jax.Array:
  """The step [B, T] of the next token that has one; NONE behind the last of them."""
  numbers = jnp.where(steps >= 0, steps, NONE)  # which never fall
  later = jax.lax.cummin(numbers, axis=1, reverse=True)
  return jnp.pad(later[:, 1:], ((0, 0), (0, 1)), constant_values=NONE)


def score_rows(scorer: StepScorer, batch: Rollouts) -> Rollouts:
  """Rows that have `steps`, with `step_scores` on each step's last token.

  A score that is read behind a step moves to the step's own last token; that of the
  last step is read at the stop token and stays there.
  """
  scored = last_tokens(batch.steps, batch.truncated)
  final = _following(batch.steps) == NONE
  if scorer.of_tokens:
    inside = jnp.where(batch.steps >= 0, 1.0, 0.0)
    scores = scorer(dataclasses.replace(batch, mask=inside))
    return _with_scores(batch, scores, scored)
  inner = scored * jnp.where(final, 0.0, 1.0)
  read = scored * jnp.where(final, 1.0, 0.0) + jnp.pad(inner[:, :-1], ((0, 0), (1, 0)))
  scores = scorer(dataclasses.replace(batch, mask=jnp.minimum(read, 1.0)))
  moved = jnp.pad(scores[:, 1:], ((0, 0), (0, 1)))
  return _with_scores(batch, jnp.where(final, scores, moved), scored)


def _with_scores(batch: Rollouts, scores: jax.Array, scored: jax.Array) -> Rollouts:
  kept = jnp.where(scored > 0, scores, 0.0)
  return dataclasses.replace(batch, step_scores=kept, step_scored=scored)

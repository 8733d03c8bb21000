"""Judges -> their verdicts on the steps of sampled solutions. Host code.

A panel has a judge for each prompt form of `labelling.judge`; each gives `votes` rows
of verdicts. What cannot be read is NaN and is counted, as is a judge that fails.

A judge is a model (`prm.judge`), or a function of one's own, "file.py:function":
`function(ask, form=...)` gives the verdicts [S] of one `judgement.Ask`. It raises
TimeoutError, OSError or ValueError where it has none.
"""

import contextlib
import dataclasses
import logging
import pathlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from jaxrl import draw, pick
from jaxrl.build import Run, build, training_rules
from jaxrl.checkpoints import Checkpoints
from jaxrl.config import Config, SamplingConfig, from_json
from jaxrl.config_parts import JudgeConfig
from jaxrl.errors import UserError
from jaxrl.prm import documents, judgement
from jaxrl.prm import judge as judge_lib
from jaxrl.prm.judgement import Ask
from jaxrl.prm.written import Written
from jaxrl.problems import Problem
from jaxrl.types import Tree

# (asks, key, numbers=numbers of the asks) -> verdicts [votes, S] of each
JudgeFn = Callable[..., list[np.ndarray]]
# Streams of a labelling run: 0 draws solutions, 1 completions.
JUDGES, TEMPLATES, BY_TEMPLATE, CRITERIA, CHECKLISTS = 2, 3, 4, 5, 6
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Panel:
  """Judges, and what they are shown beside the solution."""

  judges: tuple[JudgeFn, ...]
  reference: bool  # they see the right answer
  key: jax.Array
  library: "Library | None"
  counts: Counter

  def __call__(
    self, written: Sequence[Written], *, grounded: bool = False
  ) -> list[np.ndarray]:
    """Verdicts [M, S] of each solution, M = judges * votes; `grounded` on documents."""
    if not written:
      return []
    asks = [self._ask(one, grounded) for one in written]
    numbers = [one.number for one in written]
    rows: list[list[np.ndarray]] = [[] for _ in written]
    for i, judge in enumerate(self.judges):
      key = jax.random.fold_in(jax.random.fold_in(self.key, i), grounded)
      found = judge(asks, key, numbers=numbers)
      for ask, verdicts, row in zip(asks, found, rows, strict=True):
        row.append(_checked(verdicts, len(ask.steps)))
        self.counts["verdicts_asked"] += len(verdicts)
        self.counts["verdicts_unread"] += int(np.isnan(verdicts).all(axis=1).sum())
    return [np.concatenate(row) for row in rows]

  def _ask(self, one: Written, grounded: bool) -> Ask:
    found: tuple[str, ...] = ()
    if grounded:
      assert self.library is not None, "inquiry asks for it where a rule reads this"
      found = self.library.of(one.problem)
    return Ask(
      question=one.problem.question,
      steps=tuple(one.texts),
      reference=one.problem.answer if self.reference else "",
      documents=found,
    )


def _checked(verdicts: np.ndarray, steps: int) -> np.ndarray:
  """Verdicts [K, S] as floats; UserError where they are none."""
  verdicts = np.asarray(verdicts, float)
  shape = verdicts.ndim == 2 and verdicts.shape[1] == steps
  if not shape or not np.isin(verdicts[~np.isnan(verdicts)], (0.0, 1.0)).all():
    raise UserError(
      f"judge: {verdicts.tolist()} is no verdict on each of {steps} steps: 1 right, "
      "0 wrong, NaN unread; mend the judge"
    )
  return verdicts


@dataclasses.dataclass(frozen=True)
class Library:
  """Documents for questions, as many as `labelling.judge` has room for."""

  corpus: documents.Corpus
  most: int
  room_tokens: int
  tokens_of: Callable[[str], int]

  def of(self, problem: Problem) -> tuple[str, ...]:
    """What is found for a question: the same for all of its solutions."""
    found = self.corpus.search(problem.question, self.most)
    return documents.that_fit(found, self.room_tokens, self.tokens_of)


def library_of(run: Run) -> Library | None:
  """The documents that the config names; UserError where they cannot be read."""
  settings = run.config.labelling.judge
  if settings.documents is None:
    return None
  return Library(
    documents.read(settings.documents),
    settings.documents_max,
    settings.documents_tokens,
    lambda text: len(run.tokenizer.encode(text)),
  )


@dataclasses.dataclass(frozen=True)
class Own:
  """A judge that is a function of the user's."""

  function: Callable[..., Any]
  form: str
  votes: int
  counts: Counter

  def __call__(
    self, asks: Sequence[Ask], key: jax.Array, *, numbers: Sequence[int]
  ) -> list[np.ndarray]:
    """Verdicts [votes, S] of each ask."""
    del key, numbers  # its randomness is its own
    return [np.stack([self._vote(ask) for _ in range(self.votes)]) for ask in asks]

  def _vote(self, ask: Ask) -> np.ndarray:
    try:
      found = np.asarray(self.function(ask, form=self.form), float)
      if found.shape != (len(ask.steps),):
        raise UserError(
          f"judge: {self.function.__name__} gave {found.shape} for the verdicts of "
          f"{len(ask.steps)} steps; it is to give one number a step"
        )
      return found
    except (TimeoutError, OSError, ValueError) as error:
      if not self.counts["judge_failures"]:
        _log.warning("a judge failed, others are counted: %r", error)
      self.counts["judge_failures"] += 1
      return np.full(len(ask.steps), np.nan)


def judging_model(run: Run, params: Tree, settings: JudgeConfig) -> tuple[Run, Tree]:
  """The model that judges, with room for its prompts; the run's own if none is named.

  Raises:
    UserError: it is not there, has no checkpoint, or its context is too short.
  """
  if settings.model is not None and not _is_function(settings.model):
    return _load(run, settings.model, settings.sampling)
  sampling = settings.sampling
  needed = sampling.max_prompt_tokens + sampling.max_response_tokens
  context = run.policy.decoder.config.max_positions
  if needed > context:
    raise UserError(
      f"config: max_prompt_tokens {sampling.max_prompt_tokens} + max_response_tokens "
      f"{sampling.max_response_tokens} of labelling.judge.sampling exceed the context, "
      f"{context} tokens, of the model; lower one"
    )
  config = _with_room(run.config, sampling)
  policy = dataclasses.replace(run.policy, temperature=sampling.temperature)
  rules = training_rules(config, run.tokenizer)
  return dataclasses.replace(run, config=config, rules=rules, policy=policy), params


def _with_room(config: Config, sampling: SamplingConfig) -> Config:
  """The config with these lengths; nothing trains, so nothing has to be packed."""
  return dataclasses.replace(
    config, sampling=sampling, micro_batch_tokens=0, packed_row_tokens=0
  )


def _is_function(model: str) -> bool:
  return model.rpartition(":")[0].endswith(".py")


def _load(run: Run, model: str, sampling: SamplingConfig) -> tuple[Run, Tree]:
  """A run's newest checkpoint, or weights under the settings of this run."""
  path = pathlib.Path(model)
  trained = (path / "checkpoints").is_dir()
  config = from_json(path / "config.json") if trained else run.config
  if not trained:
    weights = dataclasses.replace(config.model, path=model, lora_rank=0)
    config = dataclasses.replace(config, model=weights)
  config = dataclasses.replace(_with_room(config, sampling), task=run.config.task)
  judging, state = build(config)
  if not trained:
    return judging, state.params
  with Checkpoints(path, keep=config.output.keep_checkpoints) as saved:
    restored = saved.restore(state)
  if restored is None:
    raise UserError(f"judge {model!r} has no checkpoint yet; let it train first")
  return judging, restored[0].params


@contextlib.contextmanager
def panel(
  run: Run,
  judging_model: Callable[[], tuple[Run, Tree]],
  library: Library | None,
  counts: Counter,
) -> Iterator[Panel]:
  """The judges that the config names; their programs run in workers of their own.

  Raises:
    UserError: a form, a function or a model is not there.
  """
  settings = run.config.labelling.judge
  with contextlib.ExitStack() as stack:
    judges: list[JudgeFn] = []
    if settings.model is not None and _is_function(settings.model):
      function = pick.load("judges", settings.model)
      judges += [Own(function, form, settings.votes, counts) for form in settings.forms]
    else:
      judging, weights = judging_model()
      runs_code = any(judgement.form_of(form).runs_code for form in settings.forms)
      programs = stack.enter_context(judge_lib.programs(run)) if runs_code else None
      judges += [
        judge_lib.Judge(
          judging,
          weights,
          form=form,
          votes=settings.votes,
          batch_asks=run.config.labelling.batch_prefixes,
          programs=programs,
          counts=counts,
        )
        for form in settings.forms
      ]
    yield Panel(
      judges=tuple(judges),
      reference=settings.reference,
      key=draw.stream(run.config.seed, draw.LABELS, JUDGES),
      library=library,
      counts=counts,
    )

"""Searches for answers to problems with a policy and a model of steps. Host code.

Several problems are searched side by side in one compiled program. A problem's result
is a function of the seed and its number, not of its neighbours.
"""

import dataclasses
import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tqdm

from jaxrl import draw, pick, prompts, sampler
from jaxrl.build import Run
from jaxrl.config import ONE, Config, bind
from jaxrl.errors import UserError
from jaxrl.models.heads import StepHead
from jaxrl.models.tokenizer import Tokenizer
from jaxrl.prm import evaluation
from jaxrl.prm.score_steps import StepScorer
from jaxrl.problems import Problem
from jaxrl.sandbox import Outcome, VerifierPool
from jaxrl.search import answers as votes
from jaxrl.search import loop
from jaxrl.search import rows as rows_lib
from jaxrl.search.rows import Models, Rows, Weights
from jaxrl.search.state import Beams, Parts, Select, apart
from jaxrl.types import Tree


@dataclasses.dataclass(frozen=True)
class Found:
  """What the search for one problem ended with: K rows to choose the answer from."""

  problem: Problem
  texts: list[str]
  outcomes: list[Outcome]
  scores: np.ndarray  # [K] one number a row, by the config's `score`
  finished: np.ndarray  # [K] bool
  tokens: int  # sampled for the problem, those of rows that were dropped too
  spared: int | None = None  # of those, which need not have been; None: not asked


@dataclasses.dataclass(frozen=True)
class Searcher:
  """The compiled search of a run."""

  run: Run
  weights: Weights
  search: Callable[..., tuple[Beams, jax.Array, jax.Array]]

  def __call__(
    self, pool: VerifierPool, problems: Sequence[Problem], first: int
  ) -> list[Found]:
    """Searches `batch_problems` problems, or fewer, numbered from `first`."""
    run, settings = self.run, self.run.config.searching
    full = [*problems] + [problems[-1]] * (settings.batch_problems - len(problems))
    tokens, lengths = prompts.pad(
      [
        prompts.encode(run.tokenizer, run.task, problem, chat=run.config.model.chat)
        for problem in full
      ],
      bucket=run.config.sampling.prompt_bucket_tokens,
      max_tokens=run.config.sampling.max_prompt_tokens,
      pad_id=run.tokenizer.pad_id,
    )
    numbers = first + np.arange(len(full), dtype=np.int32)
    key = draw.stream(run.config.seed, draw.SEARCH, 0)
    beams, kept, numbered = jax.device_get(
      self.search(self.weights, tokens, lengths, numbers, key)
    )
    return self._found(pool, problems, beams, kept, numbered)

  def _found(
    self,
    pool: VerifierPool,
    problems: Sequence[Problem],
    beams: Beams,
    kept: np.ndarray,
    numbers: np.ndarray,
  ) -> list[Found]:
    """Texts, verdicts and numbers of the kept rows [P, K] of each problem."""
    said = beams.rows.said
    stop_ids = self.run.rules.stop_ids
    chosen = [row for rows in kept[: len(problems)].tolist() for row in rows]
    words = [said.tokens[row, : said.lengths[row]].tolist() for row in chosen]
    words = [
      ids[:-1] if said.stopped[row] and ids[-1] in stop_ids else ids
      for row, ids in zip(chosen, words, strict=True)
    ]
    texts = [self.run.tokenizer.decode(ids) for ids in words]
    each = kept.shape[1]
    asked = [problem for problem in problems for _ in range(each)]
    outcomes = pool.verify(list(zip(asked, texts, strict=True)))
    drawn = beams.rows.drawn.reshape(kept.shape[0], -1).sum(1)
    parts = [slice(i * each, (i + 1) * each) for i in range(len(problems))]
    return [
      Found(
        problem,
        texts[part],
        outcomes[part],
        numbers[kept[i]],
        beams.rows.finished[kept[i]],
        int(drawn[i]),
      )
      for i, (problem, part) in enumerate(zip(problems, parts, strict=True))
    ]


def searcher(run: Run, params: Tree, scorer: StepScorer) -> Searcher:
  """The search that the run's config describes.

  Raises:
    UserError: the model of steps is read from tokens, or has another vocabulary.
  """
  config = run.config
  policy, trained = run.policy, scorer.run.policy
  if not isinstance(trained.step_head, StepHead):
    raise UserError(
      f"search: the model of steps in {config.prm} has no step head that reads "
      "a prefix's last state alone; take one such as prm/base trains"
    )
  check_vocabulary(run, scorer)
  readout = bind(scorer.run.config, "readout")
  models = Models(
    policy=policy.decoder,
    rules=run.rules,
    step_ids=step_ids(run.tokenizer, config.searching.step_ends, run.rules.stop_ids),
    step_tokens=config.searching.step_tokens,
    trunk=trained.decoder,
    head=trained.step_head,
    readout=lambda outputs, mask: pick.call(readout, outputs, _Mask(mask)),
  )
  weights = Weights(
    policy=sampler.weights_of(
      policy.decoder, policy.variables(params, run.frozen), rows_lib.ENGINE
    ),
    trunk=trained.variables(scorer.params, scorer.run.frozen),
    head=scorer.params["step_head"],
  )
  return Searcher(run, weights, jax.jit(functools.partial(_search, config, models)))


def check_vocabulary(run: Run, scorer: StepScorer) -> None:
  """UserError where the policy and the model of steps have other tokens."""
  policy, trained = (one.policy.decoder.config.vocab_size for one in (run, scorer.run))
  if policy != trained:
    raise UserError(
      f"search: the policy has {policy} tokens and the model of steps {trained}; take "
      "two of one tokenizer"
    )


@dataclasses.dataclass(frozen=True)
class _Mask:
  """What a readout may name beside a head's outputs."""

  mask: jax.Array


def step_ids(
  tokenizer: Tokenizer, ends: str, stop_ids: Sequence[int]
) -> tuple[int, ...]:
  """Tokens whose text holds `ends`, but those that end the response; "": none."""
  if not ends:
    return ()
  texts = (tokenizer.decode([i]) for i in range(tokenizer.vocab_size))
  return tuple(i for i, text in enumerate(texts) if ends in text and i not in stop_ids)


def _search(
  config: Config,
  models: Models,
  weights: Weights,
  tokens: jax.Array,
  lengths: jax.Array,
  numbers: jax.Array,
  key: jax.Array,
) -> tuple[Beams, jax.Array, jax.Array]:
  """The last state, the rows to choose from [P, K], and each row's number [N]."""
  settings = config.searching
  method = bind(config, "search")
  parts = _parts(config, models, weights, tokens, lengths, numbers)
  key, last = jax.random.split(key)
  if "parts" in pick.needs(method):
    beams = method(parts, key)
  else:
    beams = loop.search(
      parts.rows,
      key,
      expand=parts.expand,
      score=parts.score,
      select=parts.each(method),
      rounds=parts.rounds,
      take=parts.take,
    )
  number = bind(config, "score")(beams.scores, beams.scored.astype(jnp.float32))
  kept = jnp.arange(beams.score.shape[0])
  if choose := _kept(config):
    kept = parts.each(lambda beams, key: choose(beams))(beams, last)
  return beams, kept.reshape(settings.batch_problems, -1), number


def _kept(config: Config) -> Callable[..., Any] | None:
  """The strategy's own choice of the rows that compete at the end, if it has one."""
  spec = dict(config.search)
  if ":" in spec["name"]:
    return None
  folder = f"jaxrl.{ONE['search']}.{spec.pop('name')}".replace("/", ".")
  choose = getattr(importlib.import_module(folder), "kept", None)
  return None if choose is None else functools.partial(choose, **spec)


def _parts(
  config: Config,
  models: Models,
  weights: Weights,
  tokens: jax.Array,
  lengths: jax.Array,
  numbers: jax.Array,
) -> Parts:
  """What a strategy is made of, on these models."""
  settings = config.searching
  expand = functools.partial(rows_lib.expand, models, weights)

  def each(select: Select) -> Select:
    def of_all(beams: Beams, key: jax.Array) -> jax.Array:
      keys = jax.vmap(lambda number: jax.random.fold_in(key, number))(numbers)
      return apart(select, beams, keys)

    return of_all

  def simulate(rows: Rows) -> Rows:
    return expand(rows, jax.random.key(0), greedy=True)[0]

  def uniform(key: jax.Array) -> jax.Array:
    keys = jax.vmap(lambda number: jax.random.fold_in(key, number))(numbers)
    return jax.vmap(lambda key: jax.random.uniform(key, (settings.rows,)))(
      keys
    ).reshape(-1)

  rows = rows_lib.start(models, weights, tokens, lengths, numbers, each=settings.rows)
  return Parts(
    rows=rows,
    rounds=settings.rounds,
    expand=expand,
    begin=functools.partial(expand, tokens=settings.begin_tokens),
    complete=functools.partial(expand, only_open=True),
    simulate=simulate,
    score=lambda rows: rows.score,
    outputs=lambda rows: rows.outputs,
    likelihood=rows_lib.likelihood,
    repeats=rows_lib.repeats,
    words=functools.partial(_words, settings.step_tokens),
    take=rows_lib.take,
    idle=lambda rows, mask: dataclasses.replace(rows, idle=mask),
    merge=rows_lib.merge,
    over=lambda rows: rows.finished,
    uniform=uniform,
    pack=rows_lib.pack,
    unpack=functools.partial(rows_lib.unpack, rows),
    length=rows_lib.step_lengths,
    drawn=lambda rows: rows.drawn,
    spent=lambda rows, tokens: dataclasses.replace(rows, drawn=tokens),
    problems=settings.batch_problems,
    each=each,
  )


def _words(width: int, rows: Rows) -> tuple[jax.Array, jax.Array]:
  """Token ids [N, width] of each row's latest step, and how many they are."""
  first, inside = rows_lib.latest(rows)
  tokens = rows.said.tokens
  index = jnp.minimum(first[:, None] + jnp.arange(width)[None], tokens.shape[1] - 1)
  return jnp.take_along_axis(tokens, index, axis=1), jnp.sum(inside, axis=1)


def problems(run: Run) -> list[Problem]:
  """Those that are searched for.

  Raises:
    UserError: the task has none on that side.
  """
  settings = run.config.searching
  side = run.task.test if settings.split == "test" else run.task.train
  if not len(side):
    raise UserError(
      f"the task {run.task.name} has no {settings.split} problems to search for"
    )
  return [side[i] for i in range(min(settings.problems, len(side)))]


def search(
  run: Run, pool: VerifierPool, params: Tree, scorer: StepScorer
) -> list[Found]:
  """Searches for the answers to the run's problems."""
  settings = run.config.searching
  asked = problems(run)
  one, size = searcher(run, params, scorer), settings.batch_problems
  found: list[Found] = []
  with tqdm.tqdm(total=len(asked), unit="problem") as bar:
    for first in range(0, len(asked), size):
      part = asked[first : first + size]
      found += one(pool, part, first)
      bar.update(len(part))
  return found


def summary(found: Sequence[Found]) -> dict[str, float]:
  """Accuracy by each way to choose an answer among a problem's rows, and the cost.

  A row that could not be scored has no part in a choice, and is counted. `auroc` is of
  the rows of a problem, a mean over those with both right and wrong ones: a model of
  steps that knows which problems are hard, and no more, has 0.5. `spared` is the share
  of the tokens that need not have been sampled, where the strategy says so.
  """
  chosen: dict[str, list[float]] = {}
  put = lambda name, value: chosen.setdefault(name, []).append(float(value))
  for one in found:
    on = [i for i, outcome in enumerate(one.outcomes) if outcome.score is not None]
    put("unscored", len(one.outcomes) - len(on))
    put("tokens", one.tokens)
    put("finished", np.mean(one.finished))
    if one.spared is not None:
      put("spared", one.spared / max(one.tokens, 1))
    if not on:
      continue
    answers = [one.outcomes[i].answer for i in on]
    right = np.array([one.outcomes[i].score == 1.0 for i in on], float)
    # A row that has not finished competes only where none has.
    done = one.finished[on] | ~np.any(one.finished[on])
    scores = np.where(done, one.scores[on], -np.inf)
    put("best", right[int(np.argmax(scores))])
    weights = np.where(done, one.scores[on], 0.0)
    put("weighted_vote", evaluation.weighted_majority(answers, weights, right))
    put("majority", evaluation.majority(answers, weights, right))
    said = [answer if ok else None for answer, ok in zip(answers, done, strict=True)]
    for vote in (votes.frequency_vote, votes.hybrid):
      taken = vote(said, np.nan_to_num(weights).tolist())
      put(vote.__name__, np.mean(right[done & [answer == taken for answer in said]]))
    put("mean", np.mean(right))
    put("any", np.max(right))
    if 0 < right.sum() < len(right):
      put("auroc", evaluation.step_auroc(one.scores[on], right))
  return {"problems": float(len(found))} | {
    name: float(np.mean(values)) for name, values in chosen.items()
  }

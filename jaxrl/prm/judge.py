"""A language model as a judge of steps. Host code around the sampler.

  v_k     verdicts that are read in the k-th of K texts
  p_k     P(yes) / (P(yes) + P(no)) of the verdict's word behind the k-th text
  score   mean_k p_k where the form has such a word, else the share of right v_k

ThinkPRM, https://arxiv.org/abs/2504.16828, R-PRM, https://arxiv.org/abs/2503.21295 and
GenPRM, https://arxiv.org/abs/2504.00891 average the p_k: a soft vote. With more than
one token the words are compared by their mean log-prob a token, as in ThinkPRM's code.
A verdict that is missing is asked for all the same where the form has one a text
(R-PRM; GenPRM's code takes 1/2 there). What cannot be read is NaN and counted, and the
mean is over the others; a step that nothing was read of has no score (ThinkPRM's code
gives such a chain 0.269).

`rechecks` (ThinkPRM's sequential scaling) has each text go on so many times after a
sentence that asks for another look; the last look counts. Forms with programs have
these run, see `run_code`, and go on behind their output.

A prompt is in the cache once for all its texts. What a text draws depends on the key,
the ask's number, its step and the number of the vote: not on other asks.
"""

import dataclasses
import functools
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from jaxrl.build import Run
from jaxrl.errors import UserError
from jaxrl.prm import choices, judgement, writing
from jaxrl.prm.judgement import Ask
from jaxrl.prm.run_code import run_code
from jaxrl.problems import Problem
from jaxrl.sandbox import VerifierPool
from jaxrl.tasks.code_jsonl import last_block
from jaxrl.types import Tree

STEPS_MAX = 4096  # of a solution: rows of randomness are numbered by them
LOOK_AGAIN = "\n\nLet me check all of this once more, from the start.\n\n"
_END_OF_CODE = "</verify>"
_NO_PROBLEM = Problem(id="program", source="judge", question="", answer="", data={})


@dataclasses.dataclass
class Chain:
  """What a judge writes to one prompt, in one of its votes."""

  ask: Ask
  prompt: list[int]  # token ids
  row: int  # names its randomness
  before: str = ""  # earlier looks, which no verdict is read from
  text: str = ""  # the last look
  settled: int = 0  # characters of `text` that stay: programs there have been run


class Written(NamedTuple):
  """Whose text it is."""

  place: int  # of the ask, among those of the call
  vote: int  # 0..K - 1
  chain: Chain


@dataclasses.dataclass(frozen=True)
class Judge:
  """A model, how it is asked, and counts of what it could not do."""

  run: Run
  params: Tree
  form: str = "steps"  # of `judgement.FORMS`
  votes: int = 1  # K
  answer_tokens: int | None = None  # of a text, or a part of it; None: as the run's
  batch_asks: int = 8  # asked together
  rechecks: int = 0
  decision_temperature: float = 1.0  # T_d of ThinkPRM, which divides log-probs
  programs: VerifierPool | None = None  # of `run_code`, for forms with programs
  program_rounds: int = 2  # of one text, at most
  counts: Counter = dataclasses.field(default_factory=Counter)

  def __post_init__(self):
    if self._how.runs_code and self.programs is None:
      raise UserError(
        f"judge: form {self.form!r} runs programs; give it a pool: judge.programs(run)"
      )

  def __call__(
    self, asks: Sequence[Ask], key: jax.Array, *, numbers: Sequence[int] | None = None
  ) -> list[np.ndarray]:
    """Verdicts [K, S] of each ask's steps: 1. right, 0. wrong, NaN unread or unasked.

    Args:
      asks: a form that judges one step is asked about each, where `upto` is None.
      key: consumed.
      numbers: of the asks, where their places would not do: a text draws by it.
    """
    return self.read(asks, self.write(asks, key, numbers=numbers))

  def yes_probability(
    self, asks: Sequence[Ask], key: jax.Array, *, numbers: Sequence[int] | None = None
  ) -> list[np.ndarray]:
    """p_k [K, S] of each ask's steps, NaN where there is no text or no place for one.

    Form "steps" is asked about each prefix of a solution: its word is of all steps
    shown.

    Raises:
      UserError: the form has no such word.
    """
    written = self.write(asks, key, numbers=numbers, by_prefix=self._how.together)
    return self.weigh(asks, written)

  def step_scores(
    self, asks: Sequence[Ask], key: jax.Array, *, numbers: Sequence[int] | None = None
  ) -> list[np.ndarray]:
    """One score [S] a step, the mean over the votes that were read; NaN without one."""
    said = self if self._how.places is None else self.yes_probability
    return [mean_vote(votes) for votes in said(asks, key, numbers=numbers)]

  def read(self, asks: Sequence[Ask], written: Sequence[Written]) -> list[np.ndarray]:
    """Verdicts [K, S] of each ask's steps, of what was written."""
    found = self._nothing(asks)
    for place, vote, chain in written:
      said = judgement.verdicts(chain.text, chain.ask, form=self.form)
      self.counts["unread_texts"] += bool(np.isnan(said).all())
      found[place][vote] = np.where(np.isnan(said), found[place][vote], said)
    return found

  def weigh(self, asks: Sequence[Ask], written: Sequence[Written]) -> list[np.ndarray]:
    """p_k [K, S] of each ask's steps, of what was written."""
    found = self._nothing(asks)
    words = [self.run.tokenizer.encode(word) for word in self._how.choices]
    most = self._positions - max(map(len, words))
    rows, prefixes = [], []
    for place, vote, chain in written:
      places = judgement.places(chain.text, chain.ask, form=self.form)
      self.counts["texts_without_place"] += not places
      for step, text in places:
        prefix = chain.prompt + self.run.tokenizer.encode(chain.before + text)
        self.counts["without_room"] += len(prefix) > most
        if len(prefix) <= most:
          rows.append((place, vote, step))
          prefixes.append(prefix)
    logp = choices.log_probs(
      self.run,
      self.params,
      prefixes,
      words,
      batch_rows=self.batch_asks * self.votes,
      max_tokens=self._positions,
    )
    for (place, vote, step), (yes, no) in zip(rows, logp, strict=True):
      found[place][vote, step] = 1 / (
        1 + np.exp((no - yes) / self.decision_temperature)
      )
    return found

  def write(
    self,
    asks: Sequence[Ask],
    key: jax.Array,
    *,
    numbers: Sequence[int] | None = None,
    by_prefix: bool = False,
  ) -> list[Written]:
    """What the judge writes; nothing of an ask that is too long, which is counted.

    Args:
      asks: as in a call.
      key: consumed.
      numbers: as in a call.
      by_prefix: asks about each prefix, also where the form judges every step.
    """
    parts = []
    numbers = range(len(asks)) if numbers is None else numbers
    for place, ask in enumerate(asks):
      alone = ask.upto is None and (by_prefix or not self._how.each)
      for step in range(len(ask.steps)) if alone else [ask.shown - 1]:
        number = numbers[place] * STEPS_MAX + step
        one = dataclasses.replace(ask, upto=step) if alone else ask
        parts.append((place, number, one))
    chains = self._write([(number, ask) for _, number, ask in parts], key)
    return [
      Written(place, vote, chain)
      for (place, _, _), of_ask in zip(parts, chains, strict=True)
      for vote, chain in enumerate(of_ask)
    ]

  def _nothing(self, asks: Sequence[Ask]) -> list[np.ndarray]:
    return [np.full((self.votes, len(ask.steps)), np.nan) for ask in asks]

  def _write(
    self, numbered: Sequence[tuple[int, Ask]], key: jax.Array
  ) -> list[list[Chain]]:
    """For each ask its K chains, or none where its prompt does not fit."""
    most = self.run.config.sampling.max_prompt_tokens
    found: list[list[Chain]] = []
    for number, ask in numbered:
      prompt = writing.encode(self.run, judgement.prompt(ask, form=self.form))
      rows = range(number * self.votes, (number + 1) * self.votes)
      fits = len(prompt) <= most
      self.counts["asks_too_long"] += not fits
      found.append([Chain(ask, prompt, row) for row in rows] if fits else [])
    groups = [chains for chains in found if chains]
    texts = self._sample(
      [chains[0].prompt for chains in groups],
      [[chain.row for chain in chains] for chains in groups],
      jax.random.fold_in(key, 0),
    )
    for chains, said in zip(groups, texts, strict=True):
      for chain, text in zip(chains, said, strict=True):
        chain.text = text
    every = [chain for chains in groups for chain in chains]
    self._run_programs(every, key, 1)
    for look in range(1, self.rechecks + 1):
      start = 1 + look * (self.program_rounds + 1)
      again = self._with_room(every, LOOK_AGAIN)
      for chain in again:
        chain.before += chain.text + LOOK_AGAIN
        chain.text, chain.settled = "", 0
      self._go_on(again, jax.random.fold_in(key, start - 1))
      self._run_programs(again, key, start)
    self.counts["texts"] += len(every)
    return found

  def _with_room(self, chains: Sequence[Chain], more: str) -> list[Chain]:
    """Those that can go on behind some more text; the others stay as they are."""
    room = self._positions - self._answer_tokens
    fits = [chain for chain in chains if len(self._prefix(chain, more)) <= room]
    self.counts["without_room"] += len(chains) - len(fits)
    return fits

  def _go_on(self, chains: Sequence[Chain], key: jax.Array) -> None:
    """Has each chain write on behind what it has."""
    prefixes = [self._prefix(chain) for chain in chains]
    texts = self._sample(prefixes, [[chain.row] for chain in chains], key)
    for chain, (text,) in zip(chains, texts, strict=True):
      chain.text += text

  def _prefix(self, chain: Chain, more: str = "") -> list[int]:
    said = chain.before + chain.text + more
    return chain.prompt + self.run.tokenizer.encode(said)

  def _run_programs(self, chains: Sequence[Chain], key: jax.Array, start: int) -> None:
    """Puts outputs of programs where these end, in place of what was made up there."""
    if not self._how.runs_code or self.programs is None:
      return
    open_ = list(chains)
    for turn in range(self.program_rounds):
      found = [(chain, next_program(chain.text[chain.settled :])) for chain in open_]
      asked = [(chain, *program) for chain, program in found if program is not None]
      said = outputs(self.programs, [code for _, code, _ in asked], self.counts)
      for (chain, _, end), output in zip(asked, said, strict=True):
        chain.text = chain.text[: chain.settled + end] + as_heard(output)
        chain.settled = len(chain.text)
      open_ = self._with_room([chain for chain, *_ in asked], "")
      self._go_on(open_, jax.random.fold_in(key, start + turn))

  @property
  def _how(self) -> judgement.Form:
    return judgement.form_of(self.form)

  @property
  def _positions(self) -> int:
    return self.run.policy.decoder.config.max_positions

  @property
  def _answer_tokens(self) -> int:
    if self.answer_tokens is None:
      return self.run.config.sampling.max_response_tokens
    return self.answer_tokens

  def _sample(
    self,
    prefixes: Sequence[list[int]],
    rows: Sequence[Sequence[int]],
    key: jax.Array,
  ) -> list[list[str]]:
    """A text for each row number of each prefix; as many rows in any batch."""
    return writing.write(
      self.run,
      self.params,
      prefixes,
      rows,
      key,
      batch_rows=self.batch_asks * self.votes,
      max_tokens=self._answer_tokens,
    )


def mean_vote(votes: np.ndarray) -> np.ndarray:
  """The mean [S] over the rows of [K, S], without those that are NaN."""
  known = ~np.isnan(votes)
  total = np.where(known, votes, 0.0).sum(axis=0)
  count = known.sum(axis=0)
  return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def next_program(text: str) -> tuple[str, int] | None:
  """The first program between <verify> marks, and where its text ends; None: none."""
  at = text.find(_END_OF_CODE)
  code = last_block(text[:at]) if at >= 0 else None
  return None if code is None else (code, at + len(_END_OF_CODE))


def outputs(
  workers: VerifierPool, codes: Sequence[str], counts: Counter | None = None
) -> list[str]:
  """What programs printed, or how they failed, which is counted."""
  found = []
  for outcome in workers.verify([(_NO_PROBLEM, code) for code in codes]):
    if counts is not None:
      ran = outcome.status == "ok" and outcome.score == 1.0
      counts["programs_run" if ran else "programs_failed"] += 1
    said = outcome.answer if outcome.status == "ok" else outcome.status
    found.append(str(said))
  return found


def as_heard(output: str) -> str:
  """An output as it is put behind a program."""
  return f"\n<output>\n{output}\n</output>\n"


def programs(run: Run) -> VerifierPool:
  """The workers that run a judge's programs; close them when it is done."""
  settings = run.config.verify
  # The program ends before its worker is late: a late worker is killed and replaced.
  return VerifierPool(
    functools.partial(run_code, timeout_seconds=0.6 * settings.timeout_seconds),
    workers=settings.workers,
    timeout_seconds=settings.timeout_seconds,
    memory_mb=settings.memory_mb,
  )

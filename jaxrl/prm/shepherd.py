"""Web-Shepherd: steps against a checklist of the instruction. Chae et al.,
https://arxiv.org/abs/2505.15277.

  items    sub-goals of the instruction, written once
  y, i, n  of item k after step t: the mass of all tokens that spell yes, in progress
           and no, among the 10 most probable at the item's verdict
  r_t      `checklist.checklist_score` of the K verdicts that are found, a mean over
           the sampled judgements of the step

A judgement is feedback and then a line for each item, "2: In Progress". A token counts
for a class where its text, without blanks and case, is one of the class's spellings,
and so at most once (the authors' code counts substrings). A judgement without a verdict
is 0; a step whose prompt is too long is not known. The wording is this library's.
"""

import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl import prompts
from jaxrl.build import Run
from jaxrl.models.cache import EMPTY
from jaxrl.models.decoder import Decoder
from jaxrl.prm import writing
from jaxrl.prm.checklist import (
  checklist_score,
  items_of,
  judge_prompt,
  list_prompt,
  verdict_places,
)
from jaxrl.prm.judge import STEPS_MAX
from jaxrl.prm.written import Written
from jaxrl.types import Tree

MOST_PROBABLE = 10
SPELLINGS: Mapping[str, tuple[str, ...]] = {
  "yes": ("yes", "done", "correct", "complete", "completed", "finished"),
  "in progress": ("in", "pending", "partial", "partially", "ongoing"),
  "no": ("no", "not", "wrong", "incorrect", "failed", "none"),
}


@dataclasses.dataclass(frozen=True)
class Shepherd:
  """A model that writes checklists and judges steps by them."""

  run: Run
  params: Tree
  votes: int  # judgements of a step
  batch_rows: int
  key: jax.Array
  counts: Counter
  spellings: Mapping[str, tuple[str, ...]] = dataclasses.field(
    default_factory=lambda: SPELLINGS
  )

  def __call__(self, written: Sequence[Written]) -> list[np.ndarray]:
    """r [S] of each solution, NaN where its list is missing or its prompt too long."""
    lists = self._lists(written)
    found = [np.full(len(one.texts), np.nan) for one in written]
    asked = [
      (i, t, judge_prompt(one.problem.question, items, one.texts[:t], one.texts[t]))
      for i, (one, items) in enumerate(zip(written, lists, strict=True))
      for t in range(len(one.texts))
      if items
    ]
    prefixes, texts = self._write(
      [text for *_, text in asked],
      [written[i].number * STEPS_MAX + t for i, t, _ in asked],
      self.votes,
      1,
    )
    for (i, t, _), prefix, said in zip(asked, prefixes, texts, strict=True):
      if said:
        scores = [self._score(prefix, text, len(lists[i])) for text in said]
        found[i][t] = np.mean(scores)
    return found

  def _lists(self, written: Sequence[Written]) -> list[tuple[str, ...]]:
    """A checklist of each solution's question: one of a problem."""
    asked = {one.problem.id: one for one in written}
    numbers = {
      name: min(one.number for one in written if one.problem.id == name)
      for name in asked
    }
    questions = [list_prompt(one.problem.question) for one in asked.values()]
    _, texts = self._write(questions, list(numbers.values()), 1, 0)
    lists = {
      name: items_of(said[0]) if said else ()
      for name, said in zip(asked, texts, strict=True)
    }
    self.counts["checklists_missing"] += sum(not items for items in lists.values())
    return [lists[one.problem.id] for one in written]

  def _write(
    self, asked: Sequence[str], numbers: Sequence[int], votes: int, stream: int
  ) -> tuple[list[list[int]], list[list[str]]]:
    """Prompts as tokens, and `votes` texts behind each; none where it is too long."""
    sampling = self.run.config.sampling
    prefixes = [writing.encode(self.run, text) for text in asked]
    most = sampling.max_prompt_tokens
    short = [i for i, ids in enumerate(prefixes) if len(ids) <= most]
    self.counts["checklist_prompts_too_long"] += len(asked) - len(short)
    texts: list[list[str]] = [[] for _ in asked]
    said = writing.write(
      self.run,
      self.params,
      [prefixes[i] for i in short],
      [range(numbers[i] * votes, (numbers[i] + 1) * votes) for i in short],
      jax.random.fold_in(self.key, stream),
      batch_rows=self.batch_rows * votes,
      max_tokens=sampling.max_response_tokens,
    )
    for i, one in zip(short, said, strict=True):
      texts[i] = one
    return prefixes, texts

  def _score(self, prefix: Sequence[int], text: str, items: int) -> float:
    """The reward of one judgement."""
    encode = self.run.tokenizer.encode
    places = [[*prefix, *encode(before)] for before in verdict_places(text, items)]
    self.counts["judgements_without_verdict"] += not places
    return checklist_score(self.masses(places)) if places else 0.0

  def masses(self, prefixes: Sequence[Sequence[int]]) -> np.ndarray:
    """Mass [N, 3] of the spellings of yes, in progress and no behind each prefix."""
    run = self.run
    variables = run.policy.variables(self.params, run.frozen)
    found = np.zeros((len(prefixes), len(self.spellings)))
    for start in range(0, len(prefixes), self.batch_rows):
      part = list(prefixes[start : start + self.batch_rows])
      filled = part + [part[-1]] * (self.batch_rows - len(part))
      tokens, lengths = prompts.pad(
        filled,
        bucket=run.config.sampling.prompt_bucket_tokens,
        max_tokens=run.policy.decoder.config.max_positions,
        pad_id=run.tokenizer.pad_id,
      )
      probs = _top_probs(run.policy.decoder)(variables, tokens, lengths)
      found[start : start + len(part)] = (np.asarray(probs) @ self._classes)[
        : len(part)
      ]
    return found

  @functools.cached_property
  def _classes(self) -> np.ndarray:
    tokenizer = self.run.tokenizer
    return spelling_classes(tokenizer.decode, tokenizer.vocab_size, self.spellings)


def spelling_classes(
  decode: Callable[[list[int]], str],
  vocab_size: int,
  spellings: Mapping[str, tuple[str, ...]],
) -> np.ndarray:
  """[V, C] 1. where a token, without blanks and case, spells a class."""
  texts = [decode([token]).strip().lower() for token in range(vocab_size)]
  return np.array(
    [[float(text in words) for words in spellings.values()] for text in texts]
  )


@functools.cache
def _top_probs(decoder: Decoder) -> Callable:
  """Next-token probabilities [N, V] behind prefixes; 0 but for the most probable."""

  @jax.jit
  def probs(variables: Tree, tokens: jax.Array, lengths: jax.Array) -> jax.Array:
    place = jnp.arange(tokens.shape[1])[None]
    positions = jnp.where(place < lengths[:, None], place, EMPTY)
    hidden, _ = decoder.apply(variables, tokens, positions)  # type: ignore[misc]
    last = jnp.take_along_axis(hidden, (lengths - 1)[:, None, None], axis=1)[:, 0]
    logits = decoder.apply(variables, last, method="logits")
    p = jax.nn.softmax(jnp.asarray(logits, jnp.float32), axis=-1)
    least = jax.lax.top_k(p, MOST_PROBABLE)[0][:, -1:]
    return jnp.where(p >= least, p, 0.0)

  return probs

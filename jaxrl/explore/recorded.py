"""Solutions that a file holds, in place of samples. Lightman et al.,
https://arxiv.org/abs/2305.20050: what process reward models are trained on.

  rows = G solutions of each problem, drawn without repeats; read behind each step

`train` says what the mask marks: "steps" the tokens behind labelled steps, where a step
head reads what stands before them; "responses" every token of the response, for
objectives on outcomes (implicit process rewards, outcome and preference models) and
those that take steps from `step_labelled` (`prm/objectives/alphamath`).

A stop token ends each response, so that there is a token behind its last step. What is
longer than `sampling.max_response_tokens` is cut: its last steps are lost, and the row
counts as truncated. Where two steps end in one token, the lower label holds. A problem
with fewer solutions than `group_size` gives rows that do not train.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl import prompts
from jaxrl.build import Run
from jaxrl.draw import Drawn
from jaxrl.errors import UserError
from jaxrl.models.cache import EMPTY
from jaxrl.prm.solutions import tokenize
from jaxrl.problems import Problem
from jaxrl.sandbox import Outcome, VerifierPool
from jaxrl.types import Rollouts, Tree


def recorded(
  run: Run,
  pool: VerifierPool | None,
  variables: Tree,
  problems: Sequence[Problem],
  key: jax.Array,
  group: int,
  first_row: int,
  *,
  train: Literal["steps", "responses"] = "steps",
) -> Drawn:
  """Rows of recorded solutions; the pool and the variables are not used."""
  chosen: list[Mapping[str, Any] | None] = []
  for i, problem in enumerate(problems):
    if "solutions" not in problem.data:
      raise UserError(
        f"explore recorded: the problems of task {run.task.name} hold no solutions; "
        "take a task that reads them, such as labelled_steps"
      )
    chosen += _choose(problem.data["solutions"], group, jax.random.fold_in(key, i))
  asked = [problem for problem in problems for _ in range(group)]
  batch = rows_of(run, asked, chosen, train=train)
  outcome = lambda one: None if one is None else one["outcome"]
  outcomes = [Outcome(outcome(one), formatted=True, status="ok") for one in chosen]
  words = ["" if one is None else "".join(one["steps"]) for one in chosen]
  group_of = np.arange(len(asked), dtype=np.int32) // group
  where: dict[str, Any] = _where_from(run, asked, chosen)
  batch = dataclasses.replace(batch, group=jnp.asarray(group_of), **where)
  return Drawn(batch, asked, words, outcomes, 0)


def _where_from(
  run: Run, problems: Sequence[Problem], found: Sequence[Mapping[str, Any] | None]
) -> dict[str, jax.Array]:
  """Numbers of each row's domain and solution, where rows are weighed by them."""
  if run.reweighting is None:
    return {}
  of_source = {name: i for i, name in enumerate(run.reweighting.domains)}
  domains = [of_source[problem.source] for problem in problems]
  instances = [0 if one is None else one["number"] for one in found]
  return {
    "domain": jnp.asarray(domains, jnp.int32),
    "instance": jnp.asarray(instances, jnp.int32),
  }


def _choose(found: Sequence[Any], group: int, key: jax.Array) -> list[Any]:
  order = np.asarray(jax.random.permutation(key, len(found)))[:group]
  return [found[i] for i in order] + [None] * (group - len(order))


def rows_of(
  run: Run,
  problems: Sequence[Problem],
  found: Sequence[Mapping[str, Any] | None],
  *,
  train: Literal["steps", "responses"],
) -> Rollouts:
  """A solution of each problem as rows [B, T] of a fixed width; None trains nothing."""
  sampling, tokenizer = run.config.sampling, run.tokenizer
  asked = [
    prompts.encode(tokenizer, run.task, problem, chat=run.config.model.chat)
    for problem in problems
  ]
  padded, lengths = prompts.pad(
    asked,
    bucket=sampling.prompt_bucket_tokens,
    max_tokens=sampling.max_prompt_tokens,
    pad_id=tokenizer.pad_id,
  )
  width = padded.shape[1] + sampling.max_response_tokens
  room = sampling.max_response_tokens - 1
  empty = functools.partial(_empty_row, width, tokenizer.pad_id, tokenizer.eos_id)
  rows = []
  for prompt, one in zip(asked, found, strict=True):
    said, ends = ([], []) if one is None else tokenize(tokenizer, one["steps"])
    row = empty(prompt, said[:room])
    if one is not None:
      row["truncated"][()] = len(said) > room
      _mark(row, one, ends, len(prompt), room)
      if train == "steps":
        row["mask"] = row["step_labelled"]
      else:
        # What was cut off did not stop there.
        until = len(prompt) + len(said[:room]) + (len(said) <= room)
        row["mask"][len(prompt) : until] = 1.0
        row["scored"][()] = one["outcome"] is not None
    rows.append(row)
  arrays: dict[str, Any] = {
    name: jnp.asarray(np.stack([row[name] for row in rows])) for name in rows[0]
  }
  return Rollouts(
    **arrays,
    prompt_tokens=jnp.asarray(lengths),
    group=jnp.arange(len(rows), dtype=jnp.int32),
    formatted=jnp.ones(len(rows)),
    logp_old=None,
    logp_sampling=None,
  )


def _empty_row(
  width: int, pad_id: int, eos_id: int, prompt: Sequence[int], said: Sequence[int]
) -> dict[str, np.ndarray]:
  """A prompt, a response and a stop token, of which nothing trains."""
  whole = [*prompt, *said, eos_id]
  tokens, positions = np.full(width, pad_id, np.int32), np.full(width, EMPTY, np.int32)
  tokens[: len(whole)], positions[: len(whole)] = whole, np.arange(len(whole))
  zeros = {name: np.zeros((), np.float32) for name in ("score", "scored", "truncated")}
  return {
    **zeros,
    "tokens": tokens,
    "positions": positions,
    "steps": np.full(width, -1, np.int32),
    "mask": np.zeros(width, np.float32),
    "step_labels": np.zeros(width, np.float32),
    "step_labelled": np.zeros(width, np.float32),
  }


def _mark(
  row: dict[str, np.ndarray],
  one: Mapping[str, Any],
  ends: Sequence[int],
  start: int,
  room: int,
) -> None:
  """Writes steps, labels and outcome of a solution into its row."""
  length = int(np.sum(row["positions"] < EMPTY)) - start - 1
  row["steps"][start : start + length + 1] = _numbers(ends, length)
  row["score"][()] = 0.0 if one["outcome"] is None else one["outcome"]
  labelled, labels = row["step_labelled"], row["step_labels"]
  for end, label in zip(ends, one["labels"], strict=True):
    if end >= room or label is None:
      continue
    at = start + end + 1
    labels[at] = min(label, labels[at]) if labelled[at] else label
    labelled[at] = 1.0
  row["scored"][()] = labelled.any()


def _numbers(ends: Sequence[int], length: int) -> np.ndarray:
  """The step of each token, of the stop token too: it belongs to the last one."""
  places = np.unique(np.array(ends, int))
  numbers = np.searchsorted(places, np.arange(length + 1))
  return np.minimum(numbers, max(len(places) - 1, 0)).astype(np.int32)

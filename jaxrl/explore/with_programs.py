"""Samples in which programs are run as they are written. Zou et al., TaTToo,
https://arxiv.org/abs/2510.06217: a verifier that calls tools, in its RL.

  y = said_1, output_1, said_2, ..;  said_1 ends with </verify>, output_1 is what the
  program in it printed, said_2 ~ pi(. | x, said_1, output_1), and so on

What was sampled trains, outputs do not. What a model makes up behind </verify> is cut,
and a row is never longer than `sampling.max_response_tokens`: the rest is cut there and
the row counts as truncated. A program that fails, by time or by rights, says so in its
output and the row goes on; one without a program in its marks ends as it is. Outputs
are of `prm.run_code`, in workers like the verifiers'.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl import draw, prompts, sampler
from jaxrl.build import Run
from jaxrl.draw import Drawn
from jaxrl.models.cache import EMPTY
from jaxrl.prm import judge
from jaxrl.prm.response import pieces
from jaxrl.problems import Problem
from jaxrl.rollout import Responses
from jaxrl.sandbox import VerifierPool
from jaxrl.types import Rollouts, Tree


@dataclasses.dataclass
class Row:
  """A response in the making; what is said ends with its stop token, if it has one."""

  tokens: list[int]
  trains: list[float]
  logp: list[float]
  logp_sampling: list[float]
  stopped: bool
  settled: int = 0  # tokens that stay: programs there have been run


def with_programs(
  run: Run,
  pool: VerifierPool,
  variables: Tree,
  problems: Sequence[Problem],
  key: jax.Array,
  group: int,
  first_row: int,
  *,
  programs: int = 2,
) -> Drawn:
  """Samples, runs up to so many programs of each response, and verifies."""
  asked, lengths, responses = draw.respond(
    run,
    variables,
    problems,
    jax.random.fold_in(key, 0),
    rules=run.rules,
    group=group,
    first_row=first_row,
  )
  rows = _rows(responses)
  steps = int(responses.steps)
  before = [asked[i // group, : lengths[i // group]].tolist() for i in range(len(rows))]
  with judge.programs(run) as workers:
    for turn in range(programs):
      going = _run_programs(run, workers, rows)
      if not going:
        break
      more = _go_on(
        run,
        variables,
        [before[i] + rows[i].tokens for i in going],
        [first_row + i for i in going],
        jax.random.fold_in(key, 1 + turn),
        len(rows),
      )
      steps += int(more.steps)
      for i, new in zip(going, _rows(more), strict=False):
        _append(rows[i], new, run.rules.max_tokens)
  words = [_text(run, row) for row in rows]
  every = [problem for problem in problems for _ in range(group)]
  outcomes = pool.verify(list(zip(every, words, strict=True)))
  batch = _batch(run, before, rows, asked.shape[1], group)
  batch = dataclasses.replace(batch, **draw.verdicts(run, outcomes))
  return Drawn(batch, every, words, outcomes, steps)


def _rows(responses: Responses) -> list[Row]:
  fields = ("tokens", "mask", "logp", "logp_sampling", "truncated")
  arrays = jax.device_get([getattr(responses, name) for name in fields])
  rows = []
  for tokens, mask, logp, sampling, truncated in zip(*arrays, strict=True):
    n = int(mask.sum())
    parts = (tokens[:n].tolist(), [1.0] * n, logp[:n].tolist(), sampling[:n].tolist())
    rows.append(Row(*parts, stopped=bool(truncated == 0)))
  return rows


def _text(run: Run, row: Row) -> str:
  return run.tokenizer.decode(row.tokens[: len(row.tokens) - row.stopped])


def _run_programs(run: Run, workers: VerifierPool, rows: Sequence[Row]) -> list[int]:
  """Rows that go on, with the output of their next program behind them."""
  found = []
  for i, row in enumerate(rows):
    parts = pieces(run.tokenizer, row.tokens[row.settled :])
    program = judge.next_program("".join(parts))
    if program is None:
      continue
    code, end = program
    # The first token with which all of the text up to there is said.
    until = int(np.searchsorted(np.cumsum([len(part) for part in parts]), end)) + 1
    found.append((i, row.settled + until, code))
  outputs = judge.outputs(workers, [code for *_, code in found])
  going = []
  for (i, until, _), output in zip(found, outputs, strict=True):
    row = rows[i]
    heard = run.tokenizer.encode(judge.as_heard(output))
    row.tokens[until:] = heard
    for values in (row.trains, row.logp, row.logp_sampling):
      values[until:] = [0.0] * len(heard)
    row.stopped, row.settled = False, len(row.tokens)
    _cut(row, run.rules.max_tokens)
    if len(row.tokens) < run.rules.max_tokens:
      going.append(i)
  return going


def _cut(row: Row, most: int) -> None:
  row.stopped = row.stopped and len(row.tokens) <= most
  del row.tokens[most:]
  for values in (row.trains, row.logp, row.logp_sampling):
    del values[most:]


def _append(row: Row, new: Row, most: int) -> None:
  row.tokens += new.tokens
  row.trains += new.trains
  row.logp += new.logp
  row.logp_sampling += new.logp_sampling
  row.stopped = new.stopped
  _cut(row, most)


def _go_on(
  run: Run,
  variables: Tree,
  prefixes: list[list[int]],
  numbers: list[int],
  key: jax.Array,
  size: int,
) -> Responses:
  """A response to each prefix, and to copies of the last: one shape for any count."""
  filled = prefixes + [prefixes[-1]] * (size - len(prefixes))
  numbers = numbers + [numbers[-1]] * (size - len(numbers))
  sampling = run.config.sampling
  tokens, lengths = prompts.pad(
    filled,
    bucket=sampling.max_prompt_tokens + sampling.max_response_tokens,
    max_tokens=sampling.max_prompt_tokens + sampling.max_response_tokens,
    pad_id=run.tokenizer.pad_id,
  )
  return sampler.generate(
    run.policy.decoder,
    variables,
    jnp.asarray(tokens),
    jnp.asarray(lengths),
    jnp.asarray(numbers, jnp.int32),
    key,
    rules=run.rules,
    engine=run.engine,
  )


def _batch(
  run: Run, before: list[list[int]], rows: list[Row], width: int, group: int
) -> Rollouts:
  """Prompts and responses as rows, without verdicts."""
  shape = (len(rows), width + run.rules.max_tokens)
  tokens = np.full(shape, run.tokenizer.pad_id, np.int32)
  positions = np.full(shape, EMPTY, np.int32)
  mask, logp, logp_sampling = (np.zeros(shape, np.float32) for _ in range(3))
  for i, (prompt, row) in enumerate(zip(before, rows, strict=True)):
    start, end = len(prompt), len(prompt) + len(row.tokens)
    tokens[i, :end] = prompt + row.tokens
    positions[i, :end] = np.arange(end)
    mask[i, start:end] = row.trains
    logp[i, start:end] = row.logp
    logp_sampling[i, start:end] = row.logp_sampling
  none = jnp.zeros(len(rows))
  return Rollouts(
    tokens=jnp.asarray(tokens),
    positions=jnp.asarray(positions),
    mask=jnp.asarray(mask),
    prompt_tokens=jnp.asarray([len(prompt) for prompt in before], jnp.int32),
    group=jnp.arange(len(rows), dtype=jnp.int32) // group,
    truncated=jnp.asarray([not row.stopped for row in rows], jnp.float32),
    logp_old=jnp.asarray(logp),
    logp_sampling=jnp.asarray(logp_sampling),
    score=none,
    scored=none,
    formatted=none,
  )

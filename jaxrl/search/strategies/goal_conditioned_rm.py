"""Votes among samples that keep near to where right ones end. Nath et al., https://arxiv.org/abs/2407.13887.

  goal = mean of the last states of right solutions,  Q_t = cos(h_t, goal)
  answer = the majority of the samples with Q_t > threshold at all their tokens

of `searching.rows` samples, or of all of them where none is kept, with the states of
the model in `prm`, which `prm/goal_conditioned_rm` trains: see `prm/goals`. What a
sample has behind its first Q_t <= threshold need not have been written: `spared` is the
share of such tokens. The goal is that of a file's solutions, whatever they solve; the
paper's threshold was not seen, and 0 is a choice.

Id: goal_conditioned_rm
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Array, Float

from jaxrl import draw
from jaxrl.prm import goals
from jaxrl.prm.score_steps import StepScorer
from jaxrl.prm.step_pairs import Numbered
from jaxrl.search.answers import filter_vote
from jaxrl.search.on_host import Answer, Host
from jaxrl.search.on_model import check_vocabulary


def goal_conditioned_rm(
  host: Host, *, solutions: str = "labels.jsonl", threshold: float = 0.0
) -> list[Answer]:
  """The first sample with the answer that is voted for, of each problem.

  Args:
    host: what it may use.
    solutions: JSONL of solutions with outcomes, or a folder; right ones make the goal.
    threshold: of Q, -1..1.
  """
  scorer, rows = host.scorer(), host.run.config.searching.rows
  check_vocabulary(host.run, scorer)  # its states are read at the samples' tokens
  goal = goals.goal_of(scorer.run, scorer.params, solutions, batch_rows=rows)
  found = []
  for part in host.batches():
    found += _answers(host, scorer, goal, threshold, part)
  return found


def _answers(
  host: Host,
  scorer: StepScorer,
  goal: Float[Array, " D"],
  threshold: float,
  numbered: Numbered,
) -> list[Answer]:
  run, rows = host.run, host.run.config.searching.rows
  drawn = draw.draw(
    run,
    host.pool,
    run.policy.variables(host.params, run.frozen),
    [problem for _, problem in numbered],
    draw.stream(run.config.seed, draw.SEARCH, 0),
    rules=run.rules,
    group=rows,
    first_row=np.array([number * rows for number, _ in numbered]),
  )
  policy = dataclasses.replace(
    scorer.run.policy,
    response_width=run.config.sampling.max_response_tokens,
    responses_per_row=1,
  )
  reading, mask = dataclasses.replace(scorer.run, policy=policy), drawn.batch.mask
  states = goals.states(reading, scorer.params, drawn.batch)
  q = goals.similarities(states, goal, mask)
  near, spared = map(np.asarray, goals.kept(q, mask, threshold=threshold))
  tokens, truncated = np.asarray(mask).sum(1), np.asarray(drawn.batch.truncated)
  answers = [outcome.answer for outcome in drawn.outcomes]
  found = []
  for start in range(0, len(answers), rows):
    part = slice(start, start + rows)
    row = start + voted(answers[part], near[part].tolist())
    found.append(
      Answer(
        drawn.texts[row],
        finished=not truncated[row],
        tokens=int(tokens[part].sum()),
        spared=int(spared[part].sum()),
      )
    )
  return found


def voted(answers: Sequence[str | None], near: Sequence[bool]) -> int:
  """The first kept sample with the answer that is voted for, or else the first."""
  answer = filter_vote(answers, near)
  return min(range(len(answers)), key=lambda i: (answers[i] != answer, not near[i]))

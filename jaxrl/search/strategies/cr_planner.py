"""CR-Planner: critics choose sub-goals and their executions. Li et al., https://arxiv.org/abs/2410.01428.

  g = argmax over legal sub-goals of f_goal(s, g)
  e = argmax over K executions of f_g(s, g, e);  s <- s, e

with the rule of `search/cr_planner` on plans as `prm/plans` writes them: a line of
reasoning, a query, or a document that its words find. It ends with a rationale that
holds `answer`, after `searching.rounds` lines (10), or where a response has no more
room. The four critics are models of steps of their own, each trained by
`prm/cr_planner` on pairs of its kind; the critic of sub-goals reads a line's beginning.
Their numbers are compared as the readout gives them, which keeps the order of what the
head says; only differences that float32 has no room for, near 0 or 1, are lost.

Where the accounts are silent: the policy goes on behind the beginning of a line; a
document that is in the plan is not found again; a line has `searching.step_tokens`
tokens at most, as the policy writes it.

Id: cr_planner
"""

from jaxrl.prm import plans
from jaxrl.prm.score_steps import StepScorer, load
from jaxrl.search.on_host import Answer, Host


def cr_planner(
  host: Host,
  *,
  goal: str = "runs/cr-goal",
  reason: str = "runs/cr-reason",
  query: str = "runs/cr-query",
  retrieve: str = "runs/cr-retrieve",
  documents: str = "documents.jsonl",
  samples: int = 3,
  answer: str = "answer is",
) -> list[Answer]:
  """A plan for each problem.

  Args:
    host: what it may use.
    goal: run directory of the critic of sub-goals.
    reason: of rationales.
    query: of queries.
    retrieve: of documents.
    documents: JSONL of {"text": ...}.
    samples: executions of a sub-goal, K.
    answer: the text by which a rationale is known for the last one.
  """
  names = {plans.GOAL: goal, "reason": reason, "query": query, "retrieve": retrieve}
  critics = {name: load(directory) for name, directory in names.items()}
  found = []
  for part in host.batches():
    one = plans.planner(
      host.grower(part), documents=documents, samples=samples, answer=answer
    )
    found += _answers(one, critics)
  return found


def _answers(one: plans.Planner, critics: dict[str, StepScorer]) -> list[Answer]:
  return [
    Answer("".join(plan), finished=one.is_final(plan), tokens=one.grower.tokens[plot])
    for plot, plan in enumerate(plans.plan(one, critics))
  ]

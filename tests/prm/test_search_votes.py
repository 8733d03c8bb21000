"""How often each way to choose among a search's rows is right."""

import numpy as np

from jaxrl.problems import Problem
from jaxrl.sandbox import Outcome
from jaxrl.search.on_model import Found, summary

PROBLEM = Problem(id="1", source="test", question="?", answer="r", data={})


def found(*rows):
  """Rows of (answer, score, finished); r is right, None could not be read."""
  answers, scores, finished = zip(*rows, strict=True)
  return Found(
    problem=PROBLEM,
    texts=[str(answer) for answer in answers],
    outcomes=[Outcome(float(a == "r"), True, "ok", answer=a) for a in answers],
    scores=np.array(scores),
    finished=np.array(finished),
    tokens=7,
  )


def right(*rows):
  """What each vote takes, as 1 where it is right."""
  said = summary([found(*rows)])
  return {name: said[name] for name in ("majority", "frequency_vote", "hybrid", "best")}


def rows(answers, scores):
  return [(answer, score, True) for answer, score in zip(answers, scores, strict=True)]


def test_votes_weigh_frequency_and_reward():
  # w: 3 of 7, mean 0.1 -> 0.5 * 0 + 0.5 * 3/7; r: 2 of 7, mean 0.8 -> 0.5 * 1 + 1/7.
  said = rows("wwwrrvu", (0.1, 0.1, 0.1, 0.7, 0.9, 0.2, 0.2))
  expected = {"majority": 0.0, "frequency_vote": 1.0, "hybrid": 1.0, "best": 1.0}
  assert right(*said) == expected
  # Five of seven are a majority; small differences of rewards are scaled to 0..1, so
  # that r has 0.5 + 0.5 * 2/7 and w 0.5 * 5/7.
  said = rows("wwwwwrr", (0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.2))
  expected = {"majority": 0.0, "frequency_vote": 1.0, "hybrid": 0.0, "best": 1.0}
  assert right(*said) == expected


def test_the_mean_reward_of_an_answer_counts_and_not_its_best():
  said = rows("rrwwu", (0.5, 0.5, 0.9, 0.0, 0.3))
  expected = {"frequency_vote": 1.0, "hybrid": 1.0, "best": 0.0}
  got = right(*said)
  assert {name: got[name] for name in expected} == expected


def test_rows_that_have_not_finished_do_not_vote():
  done, open_ = [("w", 0.1, True), ("r", 0.2, True)], [("w", 0.9, False)] * 3
  got = right(*done, *open_)
  assert got["frequency_vote"] == got["hybrid"] == got["best"] == 1.0
  # Unless none has.
  assert right(*open_, ("r", 0.95, False))["hybrid"] == 0.0


def test_no_answer_is_wrong():
  got = right((None, 0.9, True), ("r", 0.9, False))
  assert got["frequency_vote"] == got["hybrid"] == 0.0


def test_scores_are_compared_within_a_problem():
  # Of the first problem's four pairs three are in order; the second is right in all,
  # with scores below, and does not count.
  first = found(*rows("rrww", (0.9, 0.6, 0.7, 0.1)))
  second = found(*rows("rr", (0.0, 0.05)))
  assert summary([first, second])["auroc"] == 0.75
  assert "auroc" not in summary([second])

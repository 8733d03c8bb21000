"""PATS: the modes that its scores lead to, and the search that follows them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.search.state import Parts
from jaxrl.search.strategies.pats import next_mode, pats
from tests.references.search.strategies import pats as pats_reference

KEY = jax.random.key(0)


def modes(scores, **case):
  mode, rejected, trace = jnp.int32(0), jnp.int32(0), []
  for score in scores:
    used = int(mode)
    mode, rejected, accept = next_mode(mode, rejected, jnp.float32(score), **case)
    trace.append((used, bool(accept)))
  return trace, int(mode), int(rejected)


def test_modes_known_sequences():
  trace, mode, _ = modes([0.9, 0.9, 0.8, 0.5])
  assert [used for used, _ in trace] == [0, 1, 2, 2] and mode == 0
  trace, mode, rejected = modes([0.3, 0.3])
  assert [ok for _, ok in trace] == [False, True] and (mode, rejected) == (0, 0)
  assert modes([0.3, 0.3, 0.3])[0][-1] == (0, False)  # rejected once again


@pytest.mark.parametrize("case", pats_reference.CASES)
def test_modes_against_reference(case):
  draw = np.random.default_rng(0)
  for _ in range(10):
    scores = np.round(draw.random(12), 3).tolist()
    assert modes(scores, **case)[0] == pats_reference.pats(scores, **case)


def scripted(best, repeats=()):
  """Parts of one problem whose n-th round has candidates of these best scores.

  A row is (rounds seen, steps taken, last score); place 5 has the best candidate of
  mode 0, place 1 that of the others. It ends where a step scores 0.2.
  """
  best = jnp.asarray(best, jnp.float32)
  zeros = jnp.zeros(8)

  def expand(rows, key):
    del key
    turn = rows["round"]
    few = jnp.sum(~rows["idle"]) < 8
    good = jnp.arange(8) == jnp.where(few, 1, 5)
    score = jnp.where(good, best[turn], best[turn] / 2)
    new = {"score": score, "steps": rows["steps"] + 1}
    moved = {k: jnp.where(rows["idle"], rows[k], v) for k, v in new.items()}
    rows = {**rows, **moved, "round": turn + 1}
    rows["asked"] = rows["asked"].at[turn].set(jnp.sum(~rows["idle"]))
    return rows, rows["score"] == jnp.float32(0.2)

  def merge(mask, later, earlier):
    pick = lambda a, b: jnp.where(mask, a, b)
    kept = {k: pick(later[k], earlier[k]) for k in ("score", "steps", "idle")}
    return {**later, **kept}

  def take(rows, parents):
    kept = {k: rows[k][parents] for k in ("score", "steps", "idle")}
    return {**rows, **kept}

  none = lambda *_: None
  return Parts(
    rows={
      "score": zeros,
      "steps": zeros.astype(int),
      "idle": zeros > 0,
      "round": jnp.zeros((), int),
      "asked": jnp.zeros(len(best), int),
    },
    rounds=len(best),
    expand=expand,
    begin=none,
    complete=none,
    simulate=none,
    score=lambda rows: rows["score"],
    outputs=none,
    likelihood=none,
    repeats=lambda rows: (
      (rows["score"] > 0) & jnp.isin(rows["round"] - 1, jnp.array(repeats, int))
    ),
    take=take,
    idle=lambda rows, mask: {**rows, "idle": mask},
    merge=merge,
    problems=1,
    each=lambda select: select,
    **dict.fromkeys(("over", "uniform", "words", "pack", "unpack"), none),
    **dict.fromkeys(("length", "drawn", "spent"), none),
  )


def test_the_search_follows_its_modes_and_rejects_once():
  beams = pats(scripted([0.9, 0.9, 0.8, 0.5, 0.3, 0.3, 0.2]), KEY)
  assert beams.rows["asked"].tolist() == [8, 4, 2, 2, 8, 8, 8]
  # 0.3 was rejected once; 0.2 after it is rejected once too, where it would have ended.
  assert beams.steps.tolist() == [5] * 8 and not bool(beams.finished.any())
  beams = pats(scripted([0.9, 0.3, 0.2]), KEY)
  assert beams.steps.tolist() == [2] * 8 and bool(beams.finished.all())


def test_a_round_of_repeats_changes_nothing():
  beams = pats(scripted([0.9, 0.95, 0.8], repeats=(1,)), KEY)
  assert beams.rows["asked"].tolist() == [8, 4, 4]
  np.testing.assert_allclose(beams.score, 0.8)
  assert beams.steps.tolist() == [2] * 8


def test_pats_needs_as_many_rows_as_candidates():
  with pytest.raises(ValueError, match="8 rows a problem"):
    pats(dataclasses.replace(scripted([0.9]), problems=2), KEY)

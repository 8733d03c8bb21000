"""Names to functions: bound hyper-parameters, near matches, users' own functions."""

import pytest

from jaxrl.errors import UserError
from jaxrl.pick import STAGES, call, hyper_parameters, names, needs, pick
from tests.batches import rollouts

OWN = """
def half(score, *, weight: float = 0.5):
  return weight * score
"""


@pytest.mark.parametrize("kind", STAGES)
def test_every_file_holds_a_function_of_its_name(kind):
  assert names(kind)
  for name in names(kind):
    known = hyper_parameters(pick_raw(kind, name)).items()
    required = {k: t() for k, (t, d) in known if d is ...}
    assert callable(pick(kind, name, **required))


def pick_raw(kind, name):
  from jaxrl.pick import load

  return load(kind, name)


def test_bad_names_and_values():
  with pytest.raises(UserError, match=r"did you mean 'ppo_clip'"):
    pick("losses", "ppo_clp")
  with pytest.raises(UserError, match=r"'clip_hi'.*did you mean 'clip_high'"):
    pick("losses", "ppo_clip", clip_hi=0.3)
  with pytest.raises(UserError, match=r"clip_high must be float, got '0.3'"):
    pick("losses", "ppo_clip", clip_high="0.3")
  with pytest.raises(UserError, match=r"ddof must be int, got 1.0"):
    pick("advantages", "group_norm", ddof=1.0)
  with pytest.raises(UserError, match=r"ddof must be int, got True"):
    pick("advantages", "group_norm", ddof=True)
  assert pick("losses", "ppo_clip", clip_high=1).keywords == {"clip_high": 1}


def test_needs_are_the_positional_parameters():
  assert needs(pick("regularizers", "kl_k3", coefficient=0.1)) == (
    "logp",
    "logp_ref",
    "mask",
  )


def test_an_array_that_nothing_fills_in_is_named():
  batch, outputs = rollouts()
  with pytest.raises(UserError, match=r"kl_k3 reads 'logp_ref'"):
    call(pick("regularizers", "kl_k3"), outputs, batch.replace(logp_ref=None))


def test_a_function_of_ones_own(tmp_path):
  path = tmp_path / "mine.py"
  path.write_text(OWN)
  batch, _ = rollouts()
  method = pick("rewards", f"{path}:half", weight=0.25)
  assert float(call(method, batch)[1]) == float(batch.score[1]) * 0.25
  with pytest.raises(UserError, match=r"no 'halve' in .*did you mean 'half'"):
    pick("rewards", f"{path}:halve")
  with pytest.raises(UserError, match="no file"):
    pick("rewards", f"{tmp_path}/none.py:half")
  with pytest.raises(UserError, match="cannot import 'no_such_module'"):
    pick("rewards", "no_such_module:half")

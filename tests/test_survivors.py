"""What scripts/mutations.py showed the other tests not to notice."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrl import masked
from jaxrl.credit import Credit
from jaxrl.objective import Objective
from jaxrl.pick import call, needs, pick
from jaxrl.train_step import init_state, make_optimizer, make_train_step
from jaxrl.types import PolicyOutputs
from tests.batches import poisoned, rollouts

# --- methods ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["group_mean", "group_norm", "opo", "rloo"])
def test_keep_single_gives_the_unscored_peers_nothing(name):
  """Also where their mask is still on."""
  arrays = {
    "rewards": jnp.asarray([jnp.nan, 2.0, 3.0]),
    "scored": jnp.asarray([0.0, 1.0, 0.0]),
    "group": jnp.zeros(3, jnp.int32),
    "mask": jnp.ones((3, 1)),
  }
  method = pick("advantages", name, keep_single=True)
  got = method(*(arrays[name] for name in needs(method)))
  np.testing.assert_allclose(got[:, 0], [0.0, 2.0, 0.0], rtol=1e-5)


def slopes(name, logp, other, advantage, **hparams):
  """(losses, metrics, gradient of their sum) of one row."""
  loss = pick("losses", name, **hparams)
  row = lambda x: jnp.asarray(x, jnp.float32)[None]
  other, ones = row(other), jnp.ones((1, len(other)))
  scalar = lambda x: jnp.sum(loss(x, other, advantage * ones, ones)[0])
  value, metrics = loss(row(logp), other, advantage * ones, ones)
  return value[0], metrics, jax.grad(scalar)(row(logp))[0]


def test_dppo_stops_a_token_that_the_sampler_was_certain_of():
  """KL(1, q) = -log q, not 0 * log 0."""
  _, metrics, slope = slopes("dppo_kl", [-1.0], [0.0], -1.0)
  np.testing.assert_allclose(metrics["binary_kl"][0], 1.0, rtol=1e-5)
  assert float(slope[0]) == 0


def test_gspo_token_learns_nothing_beyond_the_clamp_as_gspo():
  gaps = [30.0, *[0.0] * 9]
  wide = {"clip_low": 1.0, "clip_high": 1e3}
  for name in ("gspo", "gspo_token"):
    _, _, slope = slopes(name, [-1.0 + gap for gap in gaps], [-1.0] * 10, 1.0, **wide)
    np.testing.assert_allclose(slope, [0.0] + [-np.exp(2.0)] * 9, rtol=1e-5)


def test_topr_without_a_cap_is_finite_over_many_tokens():
  losses, _, slope = slopes("topr", [0.0] * 9, [-30.0] * 9, -1.0, ratio_cap=jnp.inf)
  assert np.all(np.isfinite(losses)) and np.all(np.isfinite(slope))


def test_vespo_has_a_least_weight():
  """W is at least 1e-8, which shows where its power is small."""
  _, metrics, _ = slopes("vespo", [-40.0] * 2, [-1.0] * 2, 1.0, k_pos=0.1)
  np.testing.assert_allclose(metrics["phi"][0], 1e-8**0.1 * np.exp(3.0), rtol=1e-5)


def test_nothing_follows_the_last_token_of_full_width_rows():
  """Its TD error is r - V: no value is read around the edge."""
  values = jnp.asarray([[5.0, 7.0, 11.0]])
  ones = jnp.ones((1, 3))
  got = masked.td_error(ones, values, ones, 0.5)
  np.testing.assert_allclose(got, [[1 + 3.5 - 5, 1 + 5.5 - 7, 1 - 11]])


# --- credit -------------------------------------------------------------------------


def test_rewards_of_rows_fall_on_their_last_trained_token_beside_those_of_tokens():
  batch, _ = rollouts()
  batch = poisoned(batch, batch.mask, np.nan)
  of_tokens = lambda logp_ref: logp_ref  # NaN where masked
  credit = Credit(
    rewards=(pick("rewards", "accuracy"), of_tokens),
    advantage=pick("advantages", "group_mean"),
  )
  out = credit.assign(batch)
  on = np.asarray(batch.mask) * np.asarray(batch.scored)[:, None] > 0
  expected = np.where(on, np.asarray(batch.logp_ref), 0.0)
  sums = expected.sum(-1)
  for row in np.flatnonzero(on.any(-1)):
    expected[row, np.flatnonzero(on[row])[-1]] += batch.score[row]
  np.testing.assert_allclose(out.token_rewards, expected, rtol=1e-5, atol=1e-6)
  np.testing.assert_allclose(out.rewards, batch.score + sums, rtol=1e-5, atol=1e-6)
  parts = np.stack([batch.score, sums], axis=1)
  np.testing.assert_allclose(out.reward_parts, parts, rtol=1e-5, atol=1e-6)


# --- objective and step -------------------------------------------------------------


def objective(**parts):
  return Objective(
    loss=pick("losses", "ppo_clip"), reduction=pick("reductions", "token_mean"), **parts
  )


def test_corrections_multiply_the_loss_and_nothing_else():
  batch, outputs = rollouts()
  names = ("token_is", "sequence_is")
  term = pick("regularizers", "kl_k3")
  parts = objective(
    regularizers=(term,), corrections=tuple(pick("corrections", n) for n in names)
  )
  weights = call(parts.reduction, batch)
  prepared, _ = parts.prepare(batch, weights)
  total, _ = parts.per_token(outputs, prepared, {})
  one, two = (call(correction, batch)[0] for correction in parts.corrections)
  expected = call(parts.loss, outputs, batch)[0] * one * two
  expected = expected + call(term, outputs, batch)[0]
  np.testing.assert_allclose(total, expected, rtol=1e-5, atol=1e-7)


def test_a_closed_gate_stops_the_regularizer_and_not_its_coefficient():
  controller = pick("controllers", "adaptive_entropy", initial=0.5, target=0.25)()
  parts = objective(
    regularizers=(pick("regularizers", "entropy_bonus"),), controllers=(controller,)
  )
  means = {"entropy_bonus": jnp.float32(0.9)}
  after, shown = parts.follow(parts.initial_coefficients(), means)
  assert float(shown["entropy_bonus_coefficient"]) == 0.5
  assert float(after["entropy_bonus"]["acts"]) == 0
  np.testing.assert_allclose(after["entropy_bonus"]["state"], 0.495, rtol=1e-6)


def table(params, frozen, batch, needs):
  """A policy with one log-probability for each entry of the batch."""
  del frozen, needs
  return PolicyOutputs(logp=params["logp"][batch.positions[:, 0], :])


def stepped(parts, rows, logp, micro_batches=2):
  """The step of SGD with a rate of 1 on a table of log-probabilities."""
  rows = rows.replace(positions=jnp.arange(len(rows.mask), dtype=jnp.int32)[:, None])
  optimizer = make_optimizer(optax.sgd(1.0), max_grad_norm=0.0)
  state = init_state({"logp": logp}, optimizer, parts)
  step = make_train_step(table, parts, optimizer, micro_batches=micro_batches)
  return step(state, {}, rows)


def test_a_step_of_sgd_is_the_gradient_of_the_weighted_loss():
  rows, outputs = rollouts()
  parts = objective()
  state, _ = stepped(parts, rows, outputs.logp)
  weights = call(parts.reduction, rows)
  loss = lambda x: jnp.sum(weights * call(parts.loss, outputs.replace(logp=x), rows)[0])
  expected = outputs.logp - jax.grad(loss)(outputs.logp)
  np.testing.assert_allclose(state.params["logp"], expected, rtol=1e-5)


def test_replayed_rows_are_not_in_the_sampler_gap():
  rows, _ = rollouts()
  fresh = (jnp.arange(len(rows.mask)) % 2).astype(jnp.float32)
  logp = jnp.where(fresh[:, None] > 0, rows.logp_old + 0.25, rows.logp_old + 3.0)
  _, metrics = stepped(objective(), rows.replace(fresh=fresh), logp)
  np.testing.assert_allclose(metrics["sampler_gap"], 0.25, rtol=1e-5)


def test_logp_now_is_that_of_the_policy_before_the_step():
  rows, outputs = rollouts()
  correction = lambda logp_now, mask: (mask, {"now": masked.zero(logp_now, mask)})
  parts = objective(corrections=(correction,))
  _, metrics = stepped(parts, rows, outputs.logp)
  expected = np.asarray(outputs.logp)[np.asarray(rows.mask) > 0].mean()
  np.testing.assert_allclose(metrics["now"], expected, rtol=1e-5)


def test_a_batch_may_have_more_groups_than_a_slice_has_rows():
  rows, outputs = rollouts(rows=16, group=2)
  parts = Objective(
    loss=pick("losses", "gvpo"), reduction=pick("reductions", "token_mean")
  )
  whole, _ = stepped(parts, rows, outputs.logp, micro_batches=1)
  cut, _ = stepped(parts, rows, outputs.logp, micro_batches=8)
  np.testing.assert_allclose(cut.params["logp"], whole.params["logp"], rtol=1e-5)

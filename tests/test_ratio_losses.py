"""What single losses promise, beyond the laws of test_methods."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.pick import call, pick
from tests.batches import rollouts, several


def gradient(name, batch, outputs, weights=None, **hparams):
  """d sum(weights * loss) / d logp."""
  method = pick("losses", name, **hparams)
  weights = jnp.ones_like(batch.mask) if weights is None else weights
  total = lambda logp: jnp.sum(
    weights * call(method, outputs.replace(logp=logp), batch)[0]
  )
  return jax.grad(total)(outputs.logp)


def value(name, batch, outputs, **hparams):
  return call(pick("losses", name, **hparams), outputs, batch)[0]


def one_row(log_ratio, advantages, logp_old=-1.0):
  """(batch, outputs) of a single fully trained row of the given log-ratios."""
  batch, outputs = rollouts()
  changes = {
    "mask": jnp.ones((1, len(log_ratio))),
    "logp_old": jnp.full((1, len(log_ratio)), logp_old),
    "logp_sampling": jnp.full((1, len(log_ratio)), logp_old),
    "advantages": jnp.broadcast_to(jnp.asarray(advantages, float), (1, len(log_ratio))),
  }
  logp = changes["logp_old"] + jnp.asarray(log_ratio, float)[None]
  return batch.replace(**changes), outputs.replace(logp=logp)


close = lambda a, b, **kw: np.testing.assert_allclose(
  a, b, **{"rtol": 1e-5, "atol": 1e-7} | kw
)


# --- gspo ---------------------------------------------------------------------------


@pytest.mark.parametrize("clip", [{}, {"clip_low": 0.2, "clip_high": 0.3}])
def test_gspo_token_is_gspo_where_the_advantage_is_the_rows(clip):
  batch, outputs = rollouts(off_policy=0.3)
  weights = call(pick("reductions", "sequence_mean"), batch)
  close(
    value("gspo", batch, outputs, **clip), value("gspo_token", batch, outputs, **clip)
  )
  both = [
    gradient(name, batch, outputs, weights, **clip) for name in ("gspo", "gspo_token")
  ]
  assert np.any(np.asarray(both[0]))
  close(*both)


def test_gspo_spreads_what_gspo_token_routes():
  """verl's and OpenRLHF's gradients on one row: peer_formulas.md, section 1.6."""
  batch, outputs = one_row([math.log(0.908559)] * 3, [1.0, -1.0, 2.0])
  weights = jnp.full((1, 3), 1 / 9)
  wide = {"clip_low": 0.2, "clip_high": 0.2}
  close(
    value("gspo", batch, outputs, **wide), value("gspo_token", batch, outputs, **wide)
  )
  routed = gradient("gspo_token", batch, outputs, weights, **wide)
  close(routed, [[-0.100951, 0.100951, -0.201902]], atol=1e-6)
  shared = gradient("gspo", batch, outputs, weights, **wide)
  close(shared, [[-0.067301] * 3], atol=1e-6)


def test_gspo_knows_only_the_mean_of_the_log_ratios():
  one, outputs_one = one_row([0.3, -0.1, 0.1], 1.0)
  other, outputs_other = one_row([0.1, 0.1, 0.1], 1.0)
  close(
    gradient("gspo", one, outputs_one, clip_high=0.2),
    gradient("gspo", other, outputs_other, clip_high=0.2),
  )


# --- weights that are detached ------------------------------------------------------


def test_unbounded_cispo_and_truncated_is_are_reinforce_times_the_ratio():
  batch, outputs = rollouts(off_policy=1.0)
  plain = gradient("reinforce", batch, outputs)
  ratio = np.exp(np.where(batch.mask > 0, outputs.logp - batch.logp_old, 0.0))
  unbounded = gradient("cispo", batch, outputs, clip_high=math.inf)
  close(unbounded, ratio * plain)
  close(unbounded, gradient("truncated_is", batch, outputs, ratio_cap=math.inf))
  infinite = {"clip_high": math.inf, "clip_low": math.inf}
  close(unbounded, gradient("cispo", batch, outputs, **infinite))


def test_cispo_keeps_the_gradient_that_ppo_clips():
  batch, outputs = one_row([1.0, -1.0], [1.0, -1.0])
  assert not np.any(gradient("ppo_clip", batch, outputs))
  close(gradient("cispo", batch, outputs, clip_low=0.2, clip_high=0.2), [[-1.2, 0.8]])


def test_topr_learns_positives_as_sft_and_tapers_negatives():
  batch, outputs = rollouts(off_policy=1.0)
  positive = batch.replace(advantages=jnp.full_like(batch.advantages, 0.7))
  close(gradient("topr", positive, outputs), 0.7 * gradient("sft", positive, outputs))
  for shift, weight in ((0.1, 1.0), (-0.1, math.exp(-0.3)), (-9.0, math.exp(-20.0))):
    row, moved = one_row([shift] * 3, -1.0)
    close(gradient("topr", row, moved), [[weight] * 3])


def test_vespo_peaks_where_the_weight_is_k_over_lambda():
  at = lambda weight: gradient("vespo", *one_row([math.log(weight)], 1.0))[0, 0]
  slopes = [float(at(w)) for w in (0.3, 0.6, 2 / 3, 0.75, 1.0, 3.0)]
  assert min(slopes) == slopes[2]
  close(slopes[4], -1.0)
  # The kernel is of the product over the row, not of its geometric mean.
  both = gradient("vespo", *one_row([math.log(0.5)] * 2, 1.0))
  close(both, [[float(at(0.25))] * 2])


# --- gates --------------------------------------------------------------------------


@pytest.mark.parametrize("advantage, temperature", [(1.0, 1.0), (-1.0, 1.05)])
def test_sapos_gate_is_one_on_policy_and_bounds_the_gradient(advantage, temperature):
  log_ratio = np.linspace(-19.0, 19.0, 400)
  slope = np.asarray(gradient("sapo", *one_row(log_ratio, advantage)))[0]
  ratio = np.exp(log_ratio.astype(float))
  gate = 1 / np.cosh(np.minimum(temperature * (ratio - 1) / 2, 300.0)) ** 2
  close(slope, -advantage * ratio * gate, rtol=1e-4, atol=1e-5)
  # r sech^2((r - 1) / 2) is largest where r tanh((r - 1) / 2) = 1, at r = 2.06.
  assert np.abs(slope).max() < 2.07 - 1 / 2.07
  close(gradient("sapo", *one_row([0.0], advantage)), [[-advantage]])


def test_dppo_stops_common_tokens_and_not_rare_ones():
  """Where PPO's clip does the reverse."""
  rare = one_row([math.log(5.0)], 1.0, logp_old=math.log(0.01))
  common = one_row([math.log(1.19)], 1.0, logp_old=math.log(0.8))
  for name in ("dppo_tv", "dppo_kl"):
    close(gradient(name, *rare), [[-5.0]])
    assert gradient(name, *common, ratio_cap=None)[0, 0] == 0
  assert gradient("ppo_clip", *rare)[0, 0] == 0
  close(gradient("ppo_clip", *common), [[-1.19]])


def test_dppos_kl_is_from_the_sampler_to_the_policy():
  batch, outputs = one_row([math.log(0.9 / 0.5)], 1.0, logp_old=math.log(0.5))
  _, metrics = call(pick("losses", "dppo_kl"), outputs, batch)
  from_sampler = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
  close(metrics["binary_kl"], [[from_sampler]])


@pytest.mark.parametrize("name", ["dppo_tv", "dppo_kl"])
@pytest.mark.parametrize("log_ratio, advantage", [(-0.7, 1.0), (0.2, -1.0)])
def test_dppo_lets_tokens_return(name, log_ratio, advantage):
  """A step back towards the sampler is never stopped."""
  batch, outputs = one_row([log_ratio], advantage, logp_old=math.log(0.8))
  close(gradient(name, batch, outputs), [[-advantage * math.exp(log_ratio)]])


# --- the rest -----------------------------------------------------------------------


def test_unclipped_gmpo_is_unclipped_gspo():
  batch, outputs = rollouts(off_policy=0.5)
  weights = call(pick("reductions", "sequence_mean"), batch)
  off = {"log_clip_low": 99.0, "log_clip_high": 99.0}
  wide = {"clip_low": 1.0, "clip_high": 1e9}
  close(value("gmpo", batch, outputs, **off), value("gspo", batch, outputs, **wide))
  close(
    gradient("gmpo", batch, outputs, weights, **off),
    gradient("gspo", batch, outputs, weights, **wide),
  )


def test_gmpo_clips_tokens_and_not_their_mean():
  batch, outputs = one_row([0.9, -0.9, 0.1], 1.0)
  mean = math.exp((0.4 - 0.9 + 0.1) / 3)
  close(value("gmpo", batch, outputs), [[-mean] * 3])
  close(gradient("gmpo", batch, outputs), [[0.0, -mean, -mean]])


def test_stable_reinforce_bounds_what_ppo_leaves_open():
  batch, outputs = one_row([100.0], -1.0)
  close(value("stable_reinforce", batch, outputs), [[1000.0]])
  assert gradient("stable_reinforce", batch, outputs)[0, 0] == 0
  batch, outputs = rollouts(off_policy=1.0)
  close(value("stable_reinforce", batch, outputs), value("ppo_clip", batch, outputs))


def test_stable_reinforce_drops_the_odd_one_out():
  rewards = jnp.ones((256, 1)).at[7, 0].set(0.0)
  batch, _ = rollouts()
  batch = batch.replace(token_rewards=rewards, mask=jnp.ones_like(rewards))
  kept = np.asarray(call(pick("advantages", "stable_reinforce"), batch))
  whole = call(pick("advantages", "stable_reinforce", limit=99.0), batch)
  close(whole[7, 0], -math.sqrt(255), rtol=1e-4)
  assert kept[7, 0] == 0
  close(np.delete(kept, 7), 1 / math.sqrt(255), rtol=1e-4)


def test_positive_nll_of_every_row_is_sft():
  for batch, outputs in several().values():
    batch = batch.replace(scored=jnp.ones_like(batch.scored))
    everything = value("positive_nll", batch, outputs, threshold=-1.0)
    close(everything, value("sft", batch, outputs))
    none = value("positive_nll", batch, outputs, threshold=9.0)
    assert not np.any(none)

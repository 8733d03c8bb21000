"""Corrections, rejections and losses for data of another policy; how far it was."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import off_policy
from jaxrl.pick import call, pick
from tests.batches import rollouts, several

BATCHES = several()
METRICS = (
  "sampler_kl_k1",
  "sampler_kl_k3",
  "sampler_chi_square",
  "sampler_chi_square_sequence",
  "sampler_ess",
)

close = lambda a, b, **kw: np.testing.assert_allclose(
  a, b, **{"rtol": 1e-5, "atol": 1e-7} | kw
)


def factors(name, batch, **hparams):
  return np.asarray(call(pick("corrections", name, **hparams), batch)[0])


def left(name, batch, **hparams):
  return np.asarray(call(pick("selectors", name, **hparams), batch))


def value(name, batch, outputs, **hparams):
  return call(pick("losses", name, **hparams), outputs, batch)[0]


def gradient(name, batch, outputs, reduction="sequence_mean", **hparams):
  """d sum(weights * loss) / d outputs."""
  weights = call(pick("reductions", reduction), batch)
  total = lambda outputs: jnp.sum(weights * value(name, batch, outputs, **hparams))
  return jax.grad(total)(outputs)


def rows_of(ratios, batch=None, **changes):
  """A batch of fully trained rows with these ratios pi_old / b (of pi_now / b too)."""
  batch = rollouts()[0] if batch is None else batch
  ratios = jnp.asarray(ratios, jnp.float32)
  drawn = jnp.full(ratios.shape, -1.0)
  fields = {
    "mask": jnp.ones(ratios.shape),
    "logp_sampling": drawn,
    "logp_old": drawn + jnp.log(ratios),
    "logp_now": drawn + jnp.log(ratios),
    "advantages": jnp.ones(ratios.shape),
  }
  return batch.replace(**(fields | changes))


# --- corrections --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["token_is", "sequence_is", "icepop"])
def test_where_sampler_and_trainer_agree_every_factor_is_one(name):
  for batch, _ in BATCHES.values():
    same = batch.replace(logp_sampling=batch.logp_old)
    np.testing.assert_array_equal(factors(name, same), batch.mask)
    np.testing.assert_array_equal(factors("sequence_icepop", same), batch.mask)


def test_a_sequences_weight_is_the_product_of_its_tokens():
  batch = rows_of([[1.5, 0.5, 2.0], [0.9, 0.9, 0.9]])
  free = {"low": None, "high": None}
  tokens = factors("token_is", batch, **free)
  product = np.broadcast_to(tokens.prod(axis=1, keepdims=True), tokens.shape)
  close(factors("sequence_is", batch, **free), product)
  close(factors("sequence_icepop", batch, **free), product)
  close(product[:, 0], [1.5, 0.729])


def test_rows_of_one_token_have_no_other_weight_than_it():
  batch = rows_of([[1.5], [0.6], [7.0]])
  for one, other in (("token_is", "sequence_is"), ("icepop", "sequence_icepop")):
    band = {"low": 0.7, "high": 2.0}
    close(factors(one, batch, **band), factors(other, batch, **band))


def test_icepop_band_includes_its_edges():
  batch = rows_of([[1.0, 0.499, 0.501, 4.99, 5.01]])
  close(factors("icepop", batch), [[1.0, 0.0, 0.501, 4.99, 0.0]])
  # Exactly 1 is at the edge of both.
  close(factors("icepop", batch, low=1.0, high=1.0), [[1.0, 0.0, 0.0, 0.0, 0.0]])
  metrics = call(pick("corrections", "icepop"), batch)[1]
  np.testing.assert_array_equal(metrics["is_rejected"], [[0, 1, 0, 0, 1]])


def test_long_responses_have_finite_weights():
  for sign in (5.0, -5.0):
    batch = rows_of(jnp.full((2, 999), math.exp(sign)))
    for name in ("sequence_is", "sequence_icepop"):
      assert np.all(np.isfinite(factors(name, batch, low=None, high=None)))
  assert np.all(factors("sequence_icepop", batch, low=0.1) == 0)


def test_decoupled_ppo_is_the_surrogate_under_the_sampler():
  """w = pi_old / b times r = pi / pi_old is pi / b; with b = pi_old, plain PPO."""
  batch, outputs = BATCHES["far_off_policy"]
  weight = factors("token_is", batch, high=None)
  open_clip = {"clip_low": 1.0, "clip_high": 1e9}
  decoupled = weight * np.asarray(value("ppo_clip", batch, outputs, **open_clip))
  direct = batch.replace(logp_old=batch.logp_sampling)
  close(decoupled, value("ppo_clip", direct, outputs, **open_clip))


def test_deepseek_mask_spares_successes_and_the_near():
  ratios = [[0.1, 0.1], [0.1, 0.1], [0.9, 0.9], [5.0, 5.0], [0.1, 1.0]]
  advantages = jnp.asarray([[1.0], [-1.0], [-1.0], [-1.0], [-1.0]]) * jnp.ones((1, 2))
  batch = rows_of(ratios, advantages=advantages)
  # Mean log(b / pi): 2.3, 2.3, 0.1, -1.6, 1.15.
  for threshold, kept in ((2.4, 1), (2.2, 0), (1.2, 0)):
    got = factors("deepseek_mask", batch, threshold=threshold)[:, 0]
    np.testing.assert_array_equal(got, [1, kept, 1, 1, 1])
  np.testing.assert_array_equal(factors("deepseek_mask", batch)[:, 0], [1, 0, 1, 1, 0])


def test_clip_cov_chooses_by_the_noise_alone():
  batch, _ = BATCHES["ragged"]
  wide = {"covariance": (-99.0, 99.0), "clip": (1.0, 99.0)}
  tokens = int(batch.mask.sum())
  for count in (1, 3, tokens):
    fraction = count / tokens
    out = (factors("clip_cov", batch, fraction=fraction, **wide) == 0) & (
      np.asarray(batch.mask) > 0
    )
    assert out.sum() == count
    rest = (np.asarray(batch.mask) > 0) & ~out
    noise = np.asarray(batch.noise)
    assert count == tokens or noise[out].max() < noise[rest].min()
  none = factors("clip_cov", batch, covariance=(98.0, 99.0))
  np.testing.assert_array_equal(none, batch.mask)


def test_m2po_removes_no_more_than_it_must():
  batch = rows_of(np.exp([[0.1, 0.2, 0.3, -0.9, 2.0]]))
  everything = {"outward_only": False}
  # Second moments 0.01, 0.04, 0.09, 0.81, 4, whose means from the smallest on are 0.01,
  # 0.025, 0.0467, 0.2375 and 0.99.
  for threshold, kept in ((1.0, 5), (0.98, 4), (0.23, 3), (0.04, 2), (0.005, 0)):
    got = factors("m2po", batch, threshold=threshold, **everything)
    np.testing.assert_array_equal(got, [[1] * kept + [0] * (5 - kept)])
  # A > 0 and pi < b: PPO would not clip it, and it does not count.
  got = factors("m2po", batch, threshold=0.04)
  np.testing.assert_array_equal(got, [[1, 1, 0, 1, 0]])


# --- rejection ----------------------------------------------------------------------


def test_reject_geometric_is_reject_k1_of_the_mean():
  low, high = 0.9, 1.2
  for batch, _ in BATCHES.values():
    band = (-math.log(high), -math.log(low))
    one = left("reject_geometric", batch, low=low, high=high)
    np.testing.assert_array_equal(one, left("reject_k1", batch, token=None, mean=band))
  assert 0 < one.sum() < batch.mask.sum()


def test_rejection_takes_tokens_or_whole_rows():
  batch = rows_of([[1.0, 3.0, 1.0], [1.1, 1.1, 1.1]])
  off = {"mean": None, "largest": None}
  for name, bound in (("reject_k2", math.log(3) ** 2 / 2), ("reject_k3", 0.9)):
    bound *= 0.99
    got = left(name, batch, **off | {"token": bound})
    np.testing.assert_array_equal(got, [[1, 0, 1], [1, 1, 1]])
    got = left(name, batch, **off | {"largest": bound})
    np.testing.assert_array_equal(got, [[0, 0, 0], [1, 1, 1]])
    got = left(name, batch, **off | {"mean": bound / 2})
    np.testing.assert_array_equal(got, [[1, 1, 1], [1, 1, 1]])
    got = left(name, batch, **off | {"total": bound / 2})
    np.testing.assert_array_equal(got, [[0, 0, 0], [1, 1, 1]])


@pytest.mark.parametrize("k", [1, 2, 3])
def test_nothing_is_rejected_on_policy(k):
  for batch, _ in BATCHES.values():
    same = batch.replace(logp_sampling=batch.logp_old)
    np.testing.assert_array_equal(left(f"reject_k{k}", same), batch.mask)
    np.testing.assert_array_equal(left("reject_geometric", same), batch.mask)


# --- losses -------------------------------------------------------------------------


def test_kl_cov_penalises_the_top_fraction():
  batch, outputs = BATCHES["token_credit"]
  rank = np.asarray(call(pick("features", "covariance_rank"), batch))
  on = np.asarray(batch.mask) > 0
  ordered = np.sort(rank[on])
  close(ordered, np.arange(1, on.sum() + 1) / on.sum())
  plain = value("kl_cov", batch, outputs, coefficient=0.0)
  more = np.asarray(value("kl_cov", batch, outputs, fraction=0.25) - plain)
  assert (more[on] > 0).sum() == math.floor(0.25 * on.sum())
  centred = lambda x: np.asarray(x) - np.mean(np.asarray(x)[on])
  score = centred(batch.advantages) * centred(batch.logp_now)
  assert score[on][more[on] > 0].min() > score[on][more[on] == 0].max()


def test_kimi_on_policy_is_reinforce_summed_over_tokens():
  batch, outputs = rollouts(off_policy=0.0)
  mine = gradient("kimi", batch, outputs).logp
  close(mine, gradient("reinforce", batch, outputs, "sequence_sum").logp)


def test_kimi_is_least_where_the_implicit_reward_is_the_advantage():
  batch, outputs = rollouts(off_policy=0.0)
  count = jnp.sum(batch.mask, axis=1, keepdims=True)
  share = batch.advantages / jnp.maximum(count, 1.0) / 0.5
  outputs = outputs.replace(logp=batch.logp_old + share)
  close(gradient("kimi", batch, outputs, tau=0.5).logp, 0.0, atol=1e-6)
  squares = gradient("a_star_po", batch.replace(logp_ref=batch.logp_old), outputs)
  assert np.any(np.abs(squares.logp) > 1e-5)
  exact = batch.replace(logp_ref=batch.logp_old)
  close(gradient("a_star_po", exact, outputs, beta=0.5).logp, 0.0, atol=1e-6)


def test_rows_of_one_token_have_one_kimi_and_dro():
  batch, outputs = rollouts(rows=4)
  batch = rows_of([[1.2], [0.7], [1.0], [2.0]], batch)
  outputs = outputs.replace(logp=jnp.full((4, 1), -0.5))
  one, other = (value(n, batch, outputs) for n in ("kimi", "dro"))
  close(one, other)


def test_ipo_masks_either_side_whatever_the_advantage():
  batch, outputs = rollouts()
  p, b = np.array([[0.8, 0.1, 0.8, 0.1, 1e-3]]), np.array([[0.4, 0.5, 0.4, 0.5, 1e-6]])
  advantages = jnp.asarray([[1.0, 1.0, -1.0, -1.0, 1.0]])
  batch = batch.replace(
    mask=jnp.ones((1, 5)),
    advantages=advantages,
    logp_sampling=jnp.log(jnp.asarray(b, jnp.float32)),
  )
  outputs = outputs.replace(logp=jnp.log(jnp.asarray(p, jnp.float32)))
  got = value("ipo", batch, outputs, coefficient=0.0)
  # A ratio of 1000 passes: the probability has hardly moved.
  close(got, [[0.0, 0.0, 0.0, 0.0, -1000.0]], rtol=1e-4)
  slopes = gradient("ipo", batch, outputs, "token_sum", coefficient=0.5).logp
  close(slopes[0, :4], np.log(p / b)[0, :4], rtol=1e-4)  # the square pulls back


def test_gvpo_learns_nothing_from_equal_rewards_on_policy():
  batch, outputs = rollouts(off_policy=0.0)
  flat = batch.replace(rewards=jnp.full_like(batch.rewards, 0.7))
  close(gradient("gvpo", flat, outputs).logp, 0.0, atol=1e-8)
  assert np.any(np.asarray(gradient("gvpo", batch, outputs).logp))


@pytest.mark.parametrize("kind", list(BATCHES))
def test_detaching_gvpos_mean_changes_no_gradient(kind):
  """Against the formula with nothing detached, whole groups at hand."""
  batch, outputs = BATCHES[kind]
  batch = batch.replace(mask=batch.mask * batch.scored[:, None])  # as `credit` does
  weights = call(pick("reductions", "sequence_mean"), batch)
  rows = np.flatnonzero(np.asarray(batch.mask).sum(axis=1))
  group = np.asarray(batch.group)

  def attached(logp):
    implicit = 0.1 * jnp.sum((logp - batch.logp_old) * batch.mask, axis=1)
    total = jnp.float32(0.0)
    for i in rows:
      peers = np.array([j for j in rows if group[j] == group[i]])
      gap = implicit - batch.rewards
      residual = gap[i] - jnp.mean(gap[peers])
      total += jnp.sum(weights[i]) * 0.5 * residual**2
    return total

  mine = gradient("gvpo", batch, outputs).logp
  close(mine, jax.grad(attached)(outputs.logp), rtol=1e-4)


def test_gvpo_is_least_at_the_tilted_policy():
  """log pi / pi_old = (r - c) / beta of each response, any c a group."""
  batch, outputs = rollouts(off_policy=0.0)
  count = jnp.maximum(jnp.sum(batch.mask, axis=1), 1.0)
  shift = 3.0 + batch.group.astype(jnp.float32)
  share = (batch.rewards - shift) / 0.5 / count
  outputs = outputs.replace(logp=batch.logp_old + share[:, None])
  close(value("gvpo", batch, outputs, beta=0.5), 0.0, atol=1e-6)


def test_flow_rl_balances_where_z_normalises():
  """pi = ref exp(beta n A) / Z^n, with Z given: no gradient for either."""
  batch, outputs = rollouts(off_policy=0.3)
  tilt = 0.5 * batch.advantages - outputs.log_partition
  outputs = outputs.replace(logp=batch.logp_ref + tilt)
  slopes = gradient("flow_rl", batch, outputs, beta=0.5)
  close(slopes.logp, 0.0, atol=1e-5)
  close(slopes.log_partition, 0.0, atol=1e-5)


def test_value_clip_is_flat_outside_the_clip_and_only_away_from_the_target():
  batch, outputs = rollouts()
  ones = jnp.ones((1, 4))
  # Towards a far target; back towards a near one; and both within the clip.
  moved = jnp.asarray([[0.5, -0.5, 0.5, 0.1]])
  batch = batch.replace(
    mask=ones,
    values_old=0 * ones,
    returns=jnp.asarray([[2.0, -2.0, -1.0, 2.0]]),
  )
  outputs = outputs.replace(values=moved)
  slopes = gradient("value_clip", batch, outputs, "token_sum").values
  close(slopes, [[0.0, 0.0, 1.5, -1.9]])
  metrics = call(pick("losses", "value_clip"), outputs, batch)[1]
  np.testing.assert_array_equal(metrics["value_clip_fraction"], [[1, 1, 0, 0]])


# --- the distance of sampler and trainer --------------------------------------------


@pytest.mark.parametrize("kind", list(BATCHES))
def test_metrics_against_loops(kind):
  batch, _ = BATCHES[kind]
  mask = np.asarray(batch.mask)
  d = np.asarray(batch.logp_old, float) - np.asarray(batch.logp_sampling, float)
  token = [d[at] for at in zip(*np.nonzero(mask), strict=True)]
  weights = [
    math.exp(sum(x for x, m in zip(row, kept, strict=True) if m))
    for row, kept in zip(d, mask, strict=True)
    if kept.any()
  ]
  squares = [w * w for w in weights]
  expected = {
    "sampler_kl_k1": -np.mean(token),
    "sampler_kl_k3": np.mean([math.exp(x) - 1 - x for x in token]),
    "sampler_chi_square": np.mean([math.exp(x) ** 2 for x in token]) - 1,
    "sampler_chi_square_sequence": np.mean(squares) - 1,
    "sampler_ess": sum(weights) ** 2 / sum(squares) / len(weights),
  }
  got = off_policy.metrics(batch)
  assert set(got) == set(expected) == set(METRICS)
  for name in METRICS:
    close(got[name], expected[name], rtol=2e-5, atol=1e-6)


def test_metrics_are_expectations_under_the_sampler():
  """Over every pair of tokens, in the proportion that b draws them."""
  b, p = np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.5, 0.25])
  # Of 16 draws of two tokens, each pair as often as it is likely.
  pairs = [
    (x, y) for x in range(3) for y in range(3) for _ in range(int(16 * b[x] * b[y]))
  ]
  pairs = np.array(pairs)
  assert len(pairs) == 16
  batch = rows_of(
    np.ones(pairs.shape),
    logp_sampling=jnp.log(jnp.asarray(b[pairs], jnp.float32)),
    logp_old=jnp.log(jnp.asarray(p[pairs], jnp.float32)),
  )
  got = off_policy.metrics(batch)
  divergence = np.sum(b * np.log(b / p))
  close(got["sampler_kl_k1"], divergence, atol=1e-6)
  close(got["sampler_kl_k3"], divergence, atol=1e-6)
  chi_square = np.sum(p**2 / b) - 1
  close(got["sampler_chi_square"], chi_square)
  close(got["sampler_chi_square_sequence"], (1 + chi_square) ** 2 - 1)
  close(got["sampler_ess"], 1 / (1 + chi_square) ** 2)


def test_metrics_on_policy_and_of_nothing():
  batch, _ = BATCHES["ragged"]
  same = off_policy.metrics(batch.replace(logp_sampling=batch.logp_old))
  for name in METRICS:
    close(same[name], float(name == "sampler_ess"), atol=1e-6)
  nothing = off_policy.metrics(batch.replace(mask=jnp.zeros_like(batch.mask)))
  for name in METRICS:
    assert nothing[name] == 0


def test_metrics_are_finite_far_away_and_ess_is_of_equals():
  """999 tokens at e^5 each: no weight fits a float, yet all are the same."""
  for log_ratio in (5.0, -5.0, 200.0):
    batch = rows_of(jnp.ones((4, 999)))
    batch = batch.replace(logp_old=batch.logp_sampling + log_ratio)
    got = off_policy.metrics(batch)
    assert all(np.isfinite(x) for x in got.values())
    close(got["sampler_ess"], 1.0)


def test_masked_junk_is_not_in_the_metrics():
  batch, _ = BATCHES["token_credit"]
  bad = jnp.where(batch.mask > 0, batch.logp_sampling, jnp.nan)
  got = off_policy.metrics(batch.replace(logp_sampling=bad))
  for name, x in off_policy.metrics(batch).items():
    close(got[name], x)

"""Presets against the formulas of the libraries that they are named after.

The formulas are written here in plain Python, over lists of one row's trained tokens:
rows -> (advantage of each row, loss of each token, total). The numbers are those that
each library's documentation or source states, not read from the configs.
"""

import math
import statistics

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import config, pick
from jaxrl.build import build_methods
from tests.batches import rollouts

WIDTH = 7
NAMES = [name for name in config.names() if name.startswith("presets/")]


class Row:
  """One response: its numbers at trained tokens, in lists."""

  def __init__(self, batch, outputs, i):
    tokens = np.flatnonzero(np.asarray(batch.mask)[i])
    take = lambda x: [float(v) for v in np.asarray(x, np.float64)[i, tokens]]
    self.lp, self.old = take(outputs.logp), take(batch.logp_old)
    self.sampler, self.ref = take(batch.logp_sampling), take(batch.logp_ref)
    self.group, self.tokens = int(batch.group[i]), tokens
    self.reward = float(batch.score[i]) if batch.scored[i] > 0 else None


def make(*, unscored=False, alone=False, drift=0.6):
  """16 ragged rows in groups of 4: mixed rewards, and one group without spread.

  With a drift ratios lie beyond the clips on both sides; on two tokens they exceed 3,
  one with a negative advantage. The sampler is a little off.
  """
  batch, outputs = rollouts(5, rows=16, width=WIDTH)
  rng = np.random.default_rng(11)
  shape = batch.mask.shape
  length = rng.integers(1, WIDTH, size=16)
  first = np.asarray(batch.prompt_tokens)[:, None]
  t = np.arange(shape[1])[None]
  mask = ((t >= first) & (t < first + length[:, None])).astype(np.float32)
  score = np.array([1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0], np.float32)
  scored = np.ones(16, np.float32)
  if unscored:
    scored[[2, 6, 9]] = 0
  old = -0.01 - rng.exponential(size=shape)
  old[[0, 1], first[:2, 0]] = -3.0
  logp = np.minimum(old + drift * rng.normal(size=shape), -0.01)
  logp[[0, 1], first[:2, 0]] += 2.0 if drift else 0.0
  sampler = np.minimum(old + 0.1 * rng.normal(size=shape), -0.01)
  for row, product in ((3, 3.1), (8, 2.9)):  # on either side of TRL's 3
    sampler[row] = old[row] - np.log(product) / length[row]
  group = np.arange(16) // 4
  if alone:
    group[15] = 4
  as_float = lambda x: jnp.asarray(x, jnp.float32)
  batch = batch.replace(
    mask=as_float(mask),
    drawn=None,
    group=jnp.asarray(group, jnp.int32),
    score=as_float(score),
    scored=as_float(scored),
    rewards=None,
    advantages=None,
    logp_old=as_float(old),
    logp_sampling=as_float(sampler),
    logp_ref=as_float(old + 0.3 * rng.normal(size=shape)),
  )
  return batch, outputs.replace(logp=as_float(logp))


def rows_of(batch, outputs):
  return [Row(batch, outputs, i) for i in range(len(batch.mask))]


def ours(name, batch, outputs):
  """(advantages, per-token loss, total, its gradient), [B, T] but for the total."""
  credit, objective = build_methods(config.load(name))
  batch = credit.assign(batch)
  weights = pick.call(objective.reduction, batch)
  batch, _ = objective.prepare(batch, weights)

  def total(logp):
    loss, _ = objective.per_token(outputs.replace(logp=logp), batch, {})
    return jnp.sum(loss * weights), loss

  (value, loss), grad = jax.value_and_grad(total, has_aux=True)(outputs.logp)
  return batch.advantages, loss, value, grad


def peers(row, rows):
  return [r.reward for r in rows if r.group == row.group and r.reward is not None]


def z_scores(rows, epsilon, alone):
  """(R - mean) / (deviation of n - 1, + epsilon); `alone` is of a group of one."""
  out = []
  for row in rows:
    values = peers(row, rows)
    if row.reward is None:
      out.append(0.0)
    elif len(values) == 1:
      out.append(alone(row.reward))
    else:
      spread = math.sqrt(statistics.variance(values))
      out.append((row.reward - statistics.fmean(values)) / (spread + epsilon))
  return out


def clipped(ratio, advantage):
  """PPO's surrogate at 0.2, as a loss."""
  inside = min(max(ratio, 0.8), 1.2)
  return max(-ratio * advantage, -inside * advantage)


def ppo(rows, advantages, more=lambda row, t: 0.0):
  """Loss of each token, with a term added to it."""
  return [
    [
      clipped(math.exp(lp - o), a) + more(row, t)
      for t, (lp, o) in enumerate(zip(row.lp, row.old, strict=True))
    ]
    for row, a in zip(rows, advantages, strict=True)
  ]


def token_mean(losses):
  return sum(map(sum, losses)) / sum(map(len, losses))


def mean_of_means(losses):
  return statistics.fmean(sum(row) / len(row) for row in losses)


def k3(row, t):
  d = row.ref[t] - row.lp[t]
  return math.exp(d) - d - 1


def trl(rows):
  """Sequence mask: the product of a row's weights, to 0 over 3. N counts every row."""
  advantages = z_scores(rows, 1e-4, lambda reward: 0.0)
  losses = ppo(rows, advantages)
  for row, loss in zip(rows, losses, strict=True):
    weight = math.exp(sum(row.old) - sum(row.sampler))
    loss[:] = [weight * x if weight <= 3.0 else 0.0 for x in loss]
  return advantages, losses, token_mean(losses)


def verl(rows):
  """Dual clip at 3: L = min(L, -3 A) where A < 0."""
  advantages = z_scores(rows, 1e-6, lambda reward: reward / (1 + 1e-6))
  losses = ppo(rows, advantages)
  for a, loss in zip(advantages, losses, strict=True):
    loss[:] = [min(x, -3.0 * a) if a < 0 else x for x in loss]
  return advantages, losses, token_mean(losses)


def openrlhf(rows):
  advantages = z_scores(rows, 1e-9, lambda reward: 0.0)
  losses = ppo(rows, advantages, lambda row, t: 0.01 * k3(row, t))
  return advantages, losses, token_mean(losses)


def skyrl(rows):
  advantages = z_scores(rows, 1e-6, lambda reward: reward)
  losses = ppo(rows, advantages, lambda row, t: 0.001 * k3(row, t))
  return advantages, losses, token_mean(losses)


def slime(rows):
  advantages = z_scores(rows, 1e-6, lambda reward: 0.0)
  losses = ppo(rows, advantages)
  return advantages, losses, mean_of_means(losses)


roll = slime  # the same rules where no row is empty or alone


def areal(rows):
  """Behaviour weight old / sampler on each token; here nothing was rejected."""
  advantages = z_scores(rows, 1e-5, lambda reward: 0.0)
  losses = ppo(rows, advantages)
  for row, loss in zip(rows, losses, strict=True):
    weights = [math.exp(o - b) for o, b in zip(row.old, row.sampler, strict=True)]
    loss[:] = [w * x for w, x in zip(weights, loss, strict=True)]
  return advantages, losses, token_mean(losses)


def leave_one_out(rows):
  """NeMo-RL: mean and deviation of the others, divided only where that is over 0."""
  out = []
  for row in rows:
    others = peers(row, rows)
    others.remove(row.reward)
    centred = row.reward - statistics.fmean(others) if others else 0.0
    spread = math.sqrt(statistics.variance(others)) if len(others) > 1 else 0.0
    out.append(centred / (spread + 1e-6) if spread > 0 else centred)
  return out


def nemo_rl(rows):
  advantages = leave_one_out(rows)
  losses = ppo(rows, advantages, lambda row, t: 0.01 * k3(row, t))
  return advantages, losses, token_mean(losses)


def prime_rl(rows):
  """Flat groups are filtered; a token is masked where its probability moved by 0.3."""
  advantages, losses = [], []
  for row in rows:
    values = peers(row, rows)
    a = row.reward - statistics.fmean(values)
    advantages.append(a)
    if max(values) == min(values):
      losses.append([])
      continue
    loss = []
    for lp, b in zip(row.lp, row.sampler, strict=True):
      keep = abs(math.exp(lp) - math.exp(b)) <= 0.3
      loss.append(-keep * a * math.exp(lp - b) + 1e-3 * (lp - b) ** 2)
    losses.append(loss)
  return advantages, losses, token_mean(losses)


FORMULAS = {
  f"presets/{f.__name__}": f
  for f in (trl, verl, openrlhf, nemo_rl, areal, skyrl, slime, prime_rl)
} | {"presets/roll": roll}


def test_every_preset_has_its_formula():
  assert sorted(FORMULAS) == NAMES


def assert_same(rows, advantages, losses, got_advantages, got_losses):
  for i, row in enumerate(rows):
    got = np.asarray(got_advantages)[i, row.tokens]
    np.testing.assert_allclose(got, advantages[i], rtol=2e-5, atol=1e-6)
    if losses[i]:
      got = np.asarray(got_losses)[i, row.tokens]
      np.testing.assert_allclose(got, losses[i], rtol=1e-4, atol=1e-5)


def slopes(formula, rows):
  """Central differences of the total with respect to each token's log-prob."""
  out, h = [], 1e-5
  for row in rows:
    for t in range(len(row.lp)):
      at = row.lp[t]
      row.lp[t] = at + h
      above = formula(rows)[2]
      row.lp[t] = at - h
      below = formula(rows)[2]
      row.lp[t] = at
      out.append((above - below) / (2 * h))
  return out


@pytest.mark.parametrize("name", NAMES)
def test_off_policy_numbers_are_the_librarys(name):
  """Advantages, losses, their mean and its gradient, with ratios beyond the clips."""
  batch, outputs = make(drift=0.0 if name == "presets/nemo_rl" else 0.6)
  rows = rows_of(batch, outputs)
  advantages, losses, total = FORMULAS[name](rows)
  got_advantages, got_losses, got_total, grad = ours(name, batch, outputs)
  assert_same(rows, advantages, losses, got_advantages, got_losses)
  np.testing.assert_allclose(float(got_total), total, rtol=1e-4, atol=1e-6)
  if name == "presets/nemo_rl":  # its value has a detached factor: see below
    return
  got = [g for i, row in enumerate(rows) for g in np.asarray(grad)[i, row.tokens]]
  np.testing.assert_allclose(got, slopes(FORMULAS[name], rows), rtol=1e-3, atol=1e-6)


def test_the_batch_has_what_the_rules_differ_in():
  batch, outputs = make()
  rows = rows_of(batch, outputs)
  advantages = z_scores(rows, 1e-6, lambda reward: 0.0)
  ratios = [
    (math.exp(lp - o), a)
    for row, a in zip(rows, advantages, strict=True)
    for lp, o in zip(row.lp, row.old, strict=True)
  ]
  for sign in (-1, 1):
    signed = [r for r, a in ratios if a * sign > 0]
    assert min(signed) < 0.8 and max(signed) > 3
  assert 0.0 in advantages, "a group without spread"
  weights = [math.exp(sum(row.old) - sum(row.sampler)) for row in rows]
  assert max(weights) > 3 and min(weights) < 1
  moved = [
    abs(math.exp(lp) - math.exp(b)) > 0.3
    for row in rows
    for lp, b in zip(row.lp, row.sampler, strict=True)
  ]
  assert 0 < sum(moved) < len(moved)
  assert len({len(row.lp) for row in rows}) > 3


def test_nemo_rl_at_the_first_update():
  """exp(logp - sg(logp)) k3 adds k3 to the slope of k3, 1 - exp(ref - logp)."""
  batch, outputs = make(drift=0.0)
  rows = rows_of(batch, outputs)
  advantages = leave_one_out(rows)
  _, _, _, grad = ours("presets/nemo_rl", batch, outputs)
  count = sum(len(row.lp) for row in rows)
  for i, (row, a) in enumerate(zip(rows, advantages, strict=True)):
    for t, at in enumerate(row.tokens):
      slope = k3(row, t) + 1 - math.exp(row.ref[t] - row.lp[t])
      expected = (-a + 0.01 * slope) / count
      np.testing.assert_allclose(grad[i, at], expected, rtol=1e-4, atol=1e-6)


def test_nemo_rl_off_policy_policy_term():
  """The clipped loss; the KL term differs once pi has moved, and says so."""
  batch, outputs = make()
  rows = rows_of(batch, outputs)
  credit, objective = build_methods(config.load("presets/nemo_rl"))
  batch = credit.assign(batch)
  _, metrics = objective.per_token(outputs, batch, {})
  losses = ppo(rows, leave_one_out(rows))
  assert_same(
    rows, leave_one_out(rows), losses, batch.advantages, metrics["policy_loss"]
  )


def test_trl_leaves_rows_without_a_verdict_out_of_their_group():
  """They get 0; TRL counts their tokens in the denominator, this library does not."""
  batch, outputs = make(unscored=True)
  rows = rows_of(batch, outputs)
  advantages, losses, total = trl(rows)
  got_advantages, got_losses, got_total, _ = ours("presets/trl", batch, outputs)
  unscored = [i for i, row in enumerate(rows) if row.reward is None]
  assert len(unscored) == 3
  assert_same(rows, advantages, losses, got_advantages, got_losses)
  everything = sum(len(row.lp) for row in rows)
  counted = everything - sum(len(rows[i].lp) for i in unscored)
  expected = total * everything / counted
  np.testing.assert_allclose(float(got_total), expected, rtol=1e-4)


@pytest.mark.parametrize(
  "name, expected",
  [
    ("presets/trl", 0.0),
    ("presets/verl", 1 / (1 + 1e-6)),
    ("presets/skyrl", 1.0),
    ("presets/nemo_rl", 0.0),
    ("presets/prime_rl", 0.0),
  ],
)
def test_a_row_that_is_alone(name, expected):
  """Where the library has a number for it, and not NaN."""
  batch, outputs = make(alone=True)
  batch = batch.replace(score=batch.score.at[15].set(1.0))
  advantages, *_ = ours(name, batch, outputs)
  at = np.flatnonzero(np.asarray(batch.mask)[15])
  np.testing.assert_allclose(np.asarray(advantages)[15, at], expected, rtol=2e-6)


@pytest.mark.parametrize(
  "rewards, leave_out, group_norm",
  [
    ([1, 0, 0, 0, 0, 0, 0, 0], (1.0, -0.377963), (2.474867, -0.353552)),
    ([0] + [0.95] * 7, (-0.95, None), None),
  ],
)
def test_a_rare_success_weighs_less_under_nemo_rl(rewards, leave_out, group_norm):
  """Numbers that NeMo-RL itself gave on these rewards, with and without leaving out."""
  ones = jnp.ones((8, 1))
  arrays = (jnp.asarray(rewards, jnp.float32), ones[:, 0])
  group = jnp.zeros(8, jnp.int32)
  spec = config.load("presets/nemo_rl").advantage
  got = np.asarray(pick.pick("advantages", **spec)(*arrays, group, ones))[:, 0]
  assert got[0] == pytest.approx(leave_out[0], abs=1e-6)
  if leave_out[1] is not None:
    assert got[1:] == pytest.approx(leave_out[1], abs=1e-6)
  if group_norm is not None:
    spec = config.load("presets/skyrl").advantage
    got = np.asarray(pick.pick("advantages", **spec)(*arrays, group, ones))[:, 0]
    assert got[0] == pytest.approx(group_norm[0], abs=1e-6)
    assert got[1:] == pytest.approx(group_norm[1], abs=1e-6)


def test_kl_estimators_are_verls_up_to_the_bound_of_20():
  """verl on logp -1 and ref 0, -15: k1 -1, 14; k2 0.5, 98. Its 29 at -30 is 20 here."""
  logp, ref = jnp.full((1, 3), -1.0), jnp.asarray([[0.0, -15.0, -30.0]])
  call = lambda name: pick.pick("regularizers", name, coefficient=1.0)(
    logp, ref, jnp.ones((1, 3))
  )[0]
  np.testing.assert_allclose(call("kl_k1"), [[-1.0, 14.0, 20.0]], rtol=1e-6)
  np.testing.assert_allclose(call("kl_k2"), [[0.5, 98.0, 200.0]], rtol=1e-6)
  np.testing.assert_allclose(call("kl_k3")[0, 0], math.e - 2, rtol=1e-6)

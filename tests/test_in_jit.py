"""A whole run inside one compiled program: the same functions as the host loop's."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxrl import prompts, rollout, token_arithmetic
from jaxrl.credit import Credit
from jaxrl.models.decoder import Decoder, init_params
from jaxrl.objective import Objective
from jaxrl.pick import pick
from jaxrl.policy import Policy
from jaxrl.rollout import SamplingRules
from jaxrl.train_step import init_state, make_optimizer, make_train_step
from jaxrl.types import Rollouts
from tests import tiny

N, G, R = 8, 8, 3
STOP = 258


def run(steps: int, learning_rate: float = 3e-3):
  """Mean reward of each step of GRPO from scratch on sums of 0..1, all in one scan."""
  policy = Policy(Decoder(tiny.DECODER), False, 1.0, R, G, 64)
  objective = Objective(pick("losses", "ppo_clip"), pick("reductions", "token_mean"))
  optimizer = make_optimizer(optax.adam(learning_rate), max_grad_norm=1.0)
  train_step = make_train_step(policy.forward, objective, optimizer)
  credit = Credit((pick("rewards", "accuracy"),), pick("advantages", "group_norm"))

  def step(state, key):
    ask, draw = jax.random.split(key)
    pairs = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]], jnp.int32)
    tokens, lengths, answers = token_arithmetic.sample_problems(
      ask, pairs, rows=N, max_operand=1
    )
    responses = rollout.sample(
      policy.decoder,
      policy.variables(state.params, {}),
      tokens,
      lengths,
      jnp.arange(N * G, dtype=jnp.int32),
      draw,
      rules=SamplingRules(stop_ids=(STOP,), max_tokens=R),
    )
    answers = jnp.repeat(answers, G)
    # Partial credit for the digit: a random model never stops right after it.
    right = token_arithmetic.score(
      responses.tokens, responses.mask, answers, stop_token=STOP
    )
    digit = (responses.tokens[:, 0] == 48 + answers).astype(jnp.float32)
    ones = jnp.ones(N * G)
    batch = Rollouts(
      **prompts.join(tokens, lengths, responses),
      score=(right + digit) / 2,
      formatted=ones,
      scored=ones,
    )
    batch = credit.assign(batch)
    state, metrics = train_step(state, {}, batch)
    return state, (batch.score.mean(), metrics["sampler_gap"])

  config = dataclasses.replace(tiny.DECODER, row_layout=False)
  policy = dataclasses.replace(policy, decoder=Decoder(config))
  params = {"policy": init_params(config, jax.random.key(0))}
  state = init_state(params, optimizer, objective)
  keys = jax.random.split(jax.random.key(1), steps)
  _, (rewards, gaps) = jax.jit(lambda s, k: jax.lax.scan(step, s, k))(state, keys)
  return np.asarray(rewards), np.asarray(gaps)


def test_a_run_compiles_whole_and_learns():
  rewards, gaps = run(300)
  assert gaps.max() < 1e-3
  assert rewards[:10].mean() < 0.1
  assert rewards[-10:].mean() > rewards[:10].mean() + 0.3

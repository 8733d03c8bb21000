"""Problems -> sampled, verified rollouts. Host code around the jitted sampler."""

import dataclasses
from collections import Counter
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl import credit, prompts, rollout
from jaxrl.build import Run
from jaxrl.metrics import Kind, SampleRow
from jaxrl.models.tokenizer import Tokenizer
from jaxrl.problems import Problem
from jaxrl.rollout import Responses, SamplingRules
from jaxrl.sandbox import Outcome, VerifierPool
from jaxrl.types import Rollouts, Tree

# Streams of randomness that never meet, all made from the run's seed.
TRAINING, EVALUATION = 0, 1


def stream(seed: int, kind: int, step: int) -> jax.Array:
  """The key of one step: no state, so that a resumed run draws the same."""
  return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), kind), step)


def respond(
  run: Run,
  params: Tree,
  problems: Sequence[Problem],
  key: jax.Array,
  *,
  rules: SamplingRules,
  group: int,
  first_row: int = 0,
) -> tuple[np.ndarray, np.ndarray, Responses]:
  """Prompts [N, P], their lengths [N], and `group` responses to each."""
  config, tokenizer = run.config, run.tokenizer
  tokens, lengths = prompts.pad(
    [
      prompts.encode(tokenizer, run.task, problem, chat=config.model.chat)
      for problem in problems
    ],
    bucket=config.sampling.prompt_bucket_tokens,
    max_tokens=config.sampling.max_prompt_tokens,
    pad_id=tokenizer.pad_id,
  )
  rows = first_row + np.arange(len(problems) * group, dtype=np.int32)
  responses = rollout.jitted(
    run.policy.decoder,
    run.policy.variables(params, run.frozen),
    jnp.asarray(tokens),
    jnp.asarray(lengths),
    jnp.asarray(rows),
    key,
    rules=rules,
  )
  return tokens, lengths, responses


def texts(tokenizer: Tokenizer, responses: Responses) -> list[str]:
  """Responses as text, without the stop token."""
  tokens, mask = np.asarray(responses.tokens), np.asarray(responses.mask) > 0
  return [
    tokenizer.decode(row[kept].tolist()) for row, kept in zip(tokens, mask, strict=True)
  ]


def sample_rows(
  step: int,
  kind: Kind,
  problems: Sequence[Problem],
  responses: Sequence[str],
  outcomes: Sequence[Outcome],
) -> list[SampleRow]:
  """Lines of samples.jsonl; one problem a response."""
  return [
    {
      "step": step,
      "kind": kind,
      "question": problem.question,
      "answer": problem.answer,
      "response": response,
      "score": outcome.score,
      "formatted": outcome.formatted,
      "status": outcome.status,
    }
    for problem, response, outcome in zip(problems, responses, outcomes, strict=True)
  ]


def collect(
  run: Run, pool: VerifierPool, params: Tree, problems: Sequence[Problem], step: int
) -> tuple[Rollouts, list[SampleRow], dict[str, float]]:
  """Rollouts ready for the update, the samples as text, and metrics of the batch."""
  group = run.config.group_size
  key = stream(run.config.seed, TRAINING, step)
  tokens, lengths, responses = respond(
    run, params, problems, key, rules=run.rules, group=group
  )
  answers = texts(run.tokenizer, responses)
  asked = [problem for problem in problems for _ in range(group)]
  outcomes = pool.verify(list(zip(asked, answers, strict=True)))
  score = np.array([outcome.score or 0.0 for outcome in outcomes], np.float32)
  scored = np.array([outcome.score is not None for outcome in outcomes], np.float32)
  formatted = np.array([outcome.formatted for outcome in outcomes], np.float32)
  batch = Rollouts(
    **_join(tokens, lengths, responses),
    score=jnp.asarray(score),
    scored=jnp.asarray(scored),
    formatted=jnp.asarray(formatted),
  )
  batch = credit.assign(batch, **run.credit)
  if run.reference is not None:
    logp_ref = run.reference_logp(run.reference, batch)
    batch = dataclasses.replace(batch, logp_ref=logp_ref)
  rows = sample_rows(step, "train", asked, answers, outcomes)
  return batch, rows, batch_metrics(batch, responses, outcomes)


_join = jax.jit(prompts.join)


def batch_metrics(
  batch: Rollouts, responses: Responses, outcomes: Sequence[Outcome]
) -> dict[str, float]:
  """What the batch says before it trains. Means over rows that were scored."""
  fields = ("rewards", "score", "formatted", "scored", "truncated", "group")
  host = {name: np.asarray(getattr(batch, name)) for name in fields}
  host |= jax.device_get({"mask": responses.mask, "logp": responses.logp})
  scored = host["scored"] > 0
  mean = lambda x: float(np.mean(x[scored])) if scored.any() else float("nan")
  spread = [
    np.ptp(host["rewards"][scored & (host["group"] == group)]) > 0
    for group in np.unique(host["group"][scored])
  ]
  tokens = float(host["mask"].sum())
  statuses = Counter(outcome.status for outcome in outcomes)
  return {
    "reward": mean(host["rewards"]),
    "accuracy": mean(host["score"]),
    "formatted": mean(host["formatted"]),
    "length": tokens / len(outcomes),
    "truncated": float(host["truncated"].mean()),
    # Groups whose rewards differ: the others say nothing about what was better.
    "informative_groups": float(np.mean(spread)) if spread else 0.0,
    # Mean surprisal of the sampled tokens: an unbiased estimate, in nats.
    "entropy": float(-(host["logp"] * host["mask"]).sum() / max(tokens, 1.0)),
    "response_tokens": tokens,
    "longest_response": float(responses.steps),
    "unscorable": float((~scored).sum()),
    **{f"verifier_{s}": float(statuses[s]) for s in ("timeout", "crash", "error")},
  }

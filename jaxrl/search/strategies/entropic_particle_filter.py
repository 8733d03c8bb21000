"""Entropic particle filtering: early weights are tempered. Giannone et al., https://arxiv.org/abs/2510.05825.

  p = softmax(l),  ESS = 1 / sum_i p_i^2,  e = ESS / N,  t = round / rounds
  T = max(1, (1 - t) / e)   where e < ess_min and t < early, else 1
  parents ~ softmax(l / T), systematically

with l of `particle_filter`; p is kept within 1e-7 of 0 and 1 in ESS. Two other rules
for T are "entropy" and "base". Rows that finished early are
resampled too and keep their last weight. The answer is the highest l, untempered
(`loop.best`), or a draw by it.

`rounds` is the S of `Beams.scores`. The paper's look-ahead modulation is
`lookahead_particle_filter`.

Id: entropic_particle_filtering
"""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from jaxrl.search.resampling import RULES, Rule
from jaxrl.search.state import Beams

EDGE = 1e-7


def ess_temperature(
  log_weight: Float[Array, " N"],
  progress: Float[Array, ""] | float,
  *,
  ess_min: float = 0.5,
  early: float = 0.5,
) -> Float[Array, ""]:
  """T by the effective share of rows."""
  n = log_weight.shape[0]
  p = jnp.clip(jax.nn.softmax(log_weight), EDGE, 1 - EDGE)
  share = 1.0 / (jnp.sum(p**2) * n)
  tempered = jnp.maximum(1.0, (1.0 - progress) / share)
  applies = (share < ess_min) & (progress < early) & (n > 1)
  return jnp.where(applies, tempered, jnp.ones_like(tempered))


def entropy_temperature(
  log_weight: Float[Array, " N"], progress: Float[Array, ""] | float
) -> Float[Array, ""]:
  """T = max(1, 1 / b), b = h + (1 - h) t, h = -sum p log p / log N."""
  n = log_weight.shape[0]
  log_p = jax.nn.log_softmax(log_weight)
  if n <= 1:
    return jnp.ones_like(log_p[0])
  # A row of weight 0 adds nothing; its log may be -inf.
  terms = jnp.where(jnp.exp(log_p) > 0, jnp.exp(log_p) * log_p, 0.0)
  h = -jnp.sum(terms) / jnp.log(n)
  b = jnp.maximum(h + (1.0 - h) * progress, EDGE)
  return jnp.maximum(1.0, 1.0 / b)


def base_temperature(
  log_weight: Float[Array, " N"], progress: Float[Array, ""] | float
) -> Float[Array, ""]:
  """T = max(1, 2 - t), whatever the weights."""
  tempered = jnp.maximum(1.0, 2.0 - progress) * jnp.ones_like(log_weight[0])
  return tempered if log_weight.shape[0] > 1 else jnp.ones_like(tempered)


TEMPERATURES: dict[str, Callable[..., Array]] = {
  "ess": ess_temperature,
  "entropy": entropy_temperature,
  "base": base_temperature,
}


def entropic_particle_filter(
  beams: Beams,
  key: Key[Array, ""],
  *,
  temperature: Literal["ess", "entropy", "base"] = "ess",
  resample: Rule = "systematic",
) -> Int[Array, " N"]:
  """Parents, drawn by the tempered weights."""
  progress = beams.round / beams.scores.shape[1]
  tempered = beams.log_weight / TEMPERATURES[temperature](beams.log_weight, progress)
  return RULES[resample](key, tempered)

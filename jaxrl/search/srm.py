"""SRM: actions accepted as in speculative sampling. Gu and Liang, https://arxiv.org/abs/2506.00396.

  r, p normalised over the K siblings of a node;  accept a where u_a < min(1, r_a / p_a)
  RC_a = min(r_a, p_a) / max(r_a, p_a);  accepted ones are expanded by RC, high first

p_a is the policy's own probability of action a, made independent of its length (the
mean log-probability of its tokens), u uniform in [0, 1). The authors have published the
reward model, not this rule: it is taken from the paper's description, and `threshold`
is a plainer one in its place. Actions of equal RC come in the order of p. A reward of 0
is never accepted, whatever p is; where all rewards are 0 nothing is.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


def srm(
  reward: Float[Array, " K"], policy: Float[Array, " K"], u: Float[Array, " K"]
) -> tuple[Bool[Array, " K"], Int[Array, " K"]]:
  """Which of the siblings are accepted, and all in order, the accepted ones first."""
  r, p = _shares(reward), _shares(policy)
  accept = (u * p < r) & (r > 0)
  high = jnp.maximum(r, p)
  # To 5 digits: equal distributions differ by rounding, and then p decides.
  consistency = jnp.minimum(r, p) / jnp.where(high > 0, high, 1.0)
  consistency = jnp.round(consistency, 5)
  return accept, jnp.lexsort((-p, -consistency, ~accept))


def threshold(reward: Float[Array, " K"], *, at: float = 0.5) -> Bool[Array, " K"]:
  """The alternative rule: actions with a reward of at least `at`."""
  return reward >= at


def _shares(x: Float[Array, " K"]) -> Float[Array, " K"]:
  total = jnp.sum(x)
  return jnp.where(total > 0, x / jnp.where(total > 0, total, 1.0), 0.0)

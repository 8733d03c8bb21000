"""PATS: how many candidates a step gets follows the scores. Wang et al., https://arxiv.org/abs/2505.19250.

  modes: 0 complex, 8 candidates;  1 medium, 4;  2 simple, 2
  r = highest PRM probability of the candidates, which are one step each
  r < reject_below, and the last one was not rejected:  reject, mode <- 0, sample again
  else accept, and   r >= raise_at: mode <- min(mode + 1, 2)
                     r < reset_below: mode <- 0,   else unchanged

from mode 0, until an accepted step ends the response or after 35 rounds, rejections and
rounds without a candidate included. `pats` is that rule, on arrays of any shape; `walk`
is the search around it, on the host, for candidates that come as text. It drops repeats
among the candidates and steps that the response has already. The authors also drop
steps with characters they disallow: the caller's `propose` may. A filter of theirs that
prefers candidates over 0.75 changes nothing, as the highest is taken.
"""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

CANDIDATES = (8, 4, 2)  # by mode
Proposal = tuple[str, float, bool]  # step, its score, whether it ends the response


def pats(
  mode: Int[Array, "..."],
  rejected: Int[Array, "..."],
  score: Float[Array, "..."],
  *,
  reject_below: float = 0.4,
  raise_at: float = 0.85,
  reset_below: float = 0.75,
  rejections: int = 1,
) -> tuple[Int[Array, "..."], Int[Array, "..."], Bool[Array, "..."]]:
  """The next mode, rejections in a row, and whether the step is accepted."""
  accept = (score >= reject_below) | (rejected >= rejections)
  raised = jnp.minimum(mode + 1, len(CANDIDATES) - 1)
  after = jnp.where(score < reset_below, 0, mode)
  after = jnp.where(score >= raise_at, raised, after)
  return (
    jnp.where(accept, after, 0),
    jnp.where(accept, 0, rejected + 1),
    accept,
  )


def walk(
  propose: Callable[[tuple[str, ...], int], Sequence[Proposal]],
  *,
  rule: Callable[..., tuple[Array, Array, Array]] = pats,
  rounds: int = 35,
) -> tuple[str, ...]:
  """The accepted steps.

  Args:
    propose: (steps so far, n) -> up to n scored candidates of the next step.
    rule: `pats`, with other thresholds perhaps.
    rounds: at most.
  """
  mode, rejected = jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32)
  steps: tuple[str, ...] = ()
  for _ in range(rounds):
    candidates = propose(steps, CANDIDATES[int(mode)])
    fresh = [c for c in candidates if c[0] not in steps]
    if not fresh:
      continue
    # Repeats of a step have one score: the first of the highest is enough.
    text, score, ends = fresh[int(np.argmax([c[1] for c in fresh]))]
    mode, rejected, accept = rule(mode, rejected, jnp.asarray(score, jnp.float32))
    if bool(accept):
      steps = (*steps, text)
      if ends:
        break
  return steps

"""verl's rejection by k1, k2 and k3, with truncated token weights.

Paper: the estimators are Schulman's, http://joschu.net/blog/kl-approx.html; rejection
and thresholds are those of verl's rollout correction, https://verl.readthedocs.io.
Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train rejection_tokens
Expect: unmeasured. In float32 nothing is rejected: watch `sampler_gap`.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """Three thresholds at once; a run needs one of them."""
  return base.config(
    **base.FOUR_UPDATES,
    old_logp="scorer",
    selectors=(
      {"name": "reject_k1", "token": (-0.693, 0.693)},
      {"name": "reject_k2", "largest": 2.5},
      {"name": "reject_k3", "mean": 0.01},
    ),
    advantage={"name": "group_norm"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    corrections=({"name": "token_is", "high": 2.0},),
  )

"""EDU-PRM: a fragment starts where entropy is high. Cao et al., https://arxiv.org/abs/2503.22233.

  H_i = -sum_v p_i(v) log p_i(v);  token i starts a fragment where H_i > threshold

in nats, over the full vocabulary at temperature 1. A fragment ends before the token
that is unsure. The paper's threshold was not seen; 1 nat here. In the paper the same
places are where a tree of responses forks, which a budget of branches may end early;
the tree and the labels from its leaves are no part of this file, which cuts a response
that is already there. A NaN (a token that was not sampled) starts none.
"""

import numpy as np

from jaxrl.prm.response import by_tokens


def edu_prm(entropy: np.ndarray, *, threshold: float = 1.0) -> np.ndarray:
  """Number of each token's fragment, [R] int32.

  Args:
    entropy: [R] of the distributions that the tokens came from, in nats.
    threshold: entropy above which a token starts a fragment; inf gives one fragment.
  """
  return by_tokens(np.asarray(entropy) > threshold)

"""Muon: orthogonalised momentum. Jordan et al., https://kellerjordan.github.io/posts/muon/.

Matrices of the layers are updated by Muon; embeddings, the output head, norms and
biases by AdamW, as its authors advise. Layer parameters are stacked, so a leading layer
axis is a batch of matrices, never a dimension to orthogonalise.
"""

import jax
import optax
from optax import contrib


def muon(
  learning_rate: optax.ScalarOrSchedule,
  *,
  momentum: float = 0.95,
  newton_schulz_steps: int = 5,
  weight_decay: float = 0.0,
  adam_b1: float = 0.9,
  adam_b2: float = 0.999,
) -> optax.GradientTransformation:
  """optax.contrib.muon over the stacked layer matrices, AdamW over the rest."""

  def dimension_numbers(params):
    def one(path, leaf):
      names = [str(getattr(key, "key", key)) for key in path]
      if "layers" in names and leaf.ndim == 3:
        return contrib.MuonDimensionNumbers(reduction_axis=1, output_axis=2)
      return None

    return jax.tree_util.tree_map_with_path(one, params)

  return contrib.muon(
    learning_rate,
    ns_steps=newton_schulz_steps,
    beta=momentum,
    weight_decay=weight_decay,
    adam_b1=adam_b1,
    adam_b2=adam_b2,
    muon_weight_dimension_numbers=dimension_numbers,
    consistent_rms=0.2,  # Moonlight's scale: AdamW's learning rates carry over
  )

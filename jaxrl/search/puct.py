"""AlphaMath's choice of a child: PUCT. Chen et al., https://arxiv.org/abs/2405.03553.

  Q + c P sqrt(N_parent) / (1 + N_child),  Q = W / N, 0 where N = 0

with P = exp(mean log-prob of the step's own tokens), the `prior`; the prior of code
steps is a mean over generated tokens only. c is 1.5 as the authors' code's default and
1.25 in their inference configs.

Terminal children have been valued when they were made, so they are not entered again,
nor is a child below which all is terminal; where no other child is left the choice
means nothing and `alphamath` changes nothing.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl.search.tree import SearchTree, mean_value, of_children


def puct(
  tree: SearchTree, node: Int[Array, ""], *, exploration: float = 1.25
) -> Float[Array, " W"]:
  """Scores of the node's children; -inf on closed ones."""
  q, _ = of_children(tree, node, mean_value(tree))
  prior, _ = of_children(tree, node, tree.prior)
  visits, _ = of_children(tree, node, tree.visits)
  closed, _ = of_children(tree, node, tree.closed)
  bonus = exploration * prior * jnp.sqrt(tree.visits[node]) / (1 + visits)
  return jnp.where(closed, -jnp.inf, q + bonus)

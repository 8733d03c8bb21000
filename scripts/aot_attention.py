"""Compiles fused attention for TPUs without one, forward and backward.

  TPU_SKIP_MDS_QUERY=1 python scripts/aot_attention.py --topology v5e:2x2

in an environment with `jax[tpu]` (libtpu has the compiler). "kernels" counts the calls
of Mosaic kernels: splash has one forward and three with the gradients.
"""

import argparse
import os

os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
os.environ["JAX_PLATFORMS"] = "cpu"  # there is no TPU to initialise

import jax
import jax.numpy as jnp
from jax.experimental import topologies

from jaxrl.models import fused
from jaxrl.models.attention import Segments


def arguments(sharding, time: int, dim: int, rows: int = 2, heads: int = 2):
  """Shapes of q, k, v and of who sees whom, with two query heads to a kv head."""

  def shape(*sizes, dtype=jnp.int32):
    return jax.ShapeDtypeStruct(sizes, dtype, sharding=sharding)

  half = jnp.bfloat16
  keys = shape(rows, time, heads, dim, dtype=half)
  places = shape(rows, time)
  segments = Segments(places, places)
  queries = shape(rows, time, heads, 2, dim, dtype=half)
  return queries, keys, keys, places, places, segments, shape()


def main():
  """Prints a line for each size that compiles; one that does not raises."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--topology", default="v5e:2x2")
  topology = topologies.get_topology_desc(
    platform="tpu", topology_name=parser.parse_args().topology
  )
  sharding = jax.sharding.SingleDeviceSharding(topology.devices[0])
  for time, dim, softcap in (
    (1024, 64, None),
    (1024, 128, None),
    (1000, 64, 30.0),
    (8192, 128, None),
  ):
    for run in (fused.splash, fused.blockwise):

      def loss(q, k, v, *places, run=run, softcap=softcap):
        out = run(q, k, v, places, softcap=softcap)
        return jnp.sum(jnp.square(out.astype(jnp.float32)))

      for name, step in (("forward", loss), ("gradient", jax.grad(loss, (0, 1, 2)))):
        traced = jax.jit(step).trace(*arguments(sharding, time, dim))
        compiled = traced.lower(lowering_platforms=("tpu",)).compile()
        kernels = compiled.as_text().count("tpu_custom_call")
        print(f"{run.__name__} {time=} {dim=} {softcap=} {name}: {kernels} kernels")


if __name__ == "__main__":
  main()

"""Packed rows: every token that trains is there once, and no number changes."""

import dataclasses

import jax
import numpy as np
import pytest

from jaxrl import packing
from jaxrl.config import Config, SamplingConfig
from jaxrl.config_checks import row_tokens
from jaxrl.models.decoder import Decoder, init_params
from jaxrl.policy import Policy
from jaxrl.slices import by_parts
from tests import tiny
from tests.batches import rollouts

R = 7  # of tests.batches
POLICY = Policy(
  decoder=Decoder(tiny.DECODER),
  lora=False,
  temperature=0.8,
  response_width=R,
  responses_per_row=1,
  logit_chunk_tokens=16,
)


def random_batch(seed, rows=24, group=4, longest_prompt=9, longest=14):
  rng = np.random.default_rng(seed)
  prompts = np.repeat(rng.integers(1, longest_prompt + 1, rows // group), group)
  said = rng.integers(0, longest + 1, rows)
  t = np.arange(longest_prompt + longest)[None]
  end = (prompts + said)[:, None]
  mask = ((t >= prompts[:, None]) & (t < end)).astype(np.float32)
  mask *= rng.random(mask.shape) < 0.8  # selectors leave tokens out
  return mask, prompts, np.arange(rows) // group


@pytest.mark.parametrize("whole_groups", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_what_trains_is_predicted_once_from_what_precedes_it(seed, whole_groups):
  mask, prompts, group = random_batch(seed)
  batch, width = mask.shape
  out = packing.pack(
    mask, prompts, group, row_tokens=30, rows=3, whole_groups=whole_groups
  )
  parts = int(out.parts)
  none = batch * width
  assert out.source.shape[1:] == (3, 30) and 1 < parts <= out.source.shape[0]
  assert (out.source[parts:] == none).all() and (out.target[parts:] == none).all()
  seen: list[tuple[int, int]] = []
  before_this_part: set[int] = set()
  for part in range(parts):
    groups = set()
    for row in range(3):
      source, segment, prefix, before, target = (
        getattr(out, name)[part, row]
        for name in ("source", "segment", "prefix", "before", "target")
      )
      real = source < none
      count = int((target < none).sum())
      assert (target[:count] < none).all() and not real[int(real.sum()) :].any()
      for place, token in zip(before[:count], target[:count], strict=True):
        b, t = divmod(int(token), width)
        groups.add(int(group[b]))
        seen.append((b, t))
        # Seen from the place: its own segment up to it, and the prefix. Together they
        # are the tokens of the row before t; the prompt may be a neighbour's copy.
        mine = real & (segment == segment[place]) & (np.arange(30) <= place)
        mine |= real & (segment == prefix[place])
        where = source[mine]
        assert sorted(where % width) == list(range(t))
        owners = {int(x) // width for x in where[where % width >= prompts[b]]}
        assert owners <= {b} and {int(group[x // width]) for x in where} == {group[b]}
    if whole_groups:
      assert not groups & before_this_part
      before_this_part |= groups
  assert len(seen) == len(set(seen))
  trained = {(int(b), int(t)) for b, t in zip(*np.nonzero(mask), strict=True)}
  assert trained <= set(seen)


def test_shapes_depend_on_the_batch_size_alone_and_errors_say_why():
  shapes = {
    tuple(x.shape for x in jax.tree.leaves(packing.pack(*random_batch(s), **kind)))
    for s in range(4)
    for kind in ({"row_tokens": 30, "rows": 3},)
  }
  assert len(shapes) == 1
  empty = np.zeros((4, 9)), np.full(4, 2), np.zeros(4, int)
  assert int(packing.pack(*empty, row_tokens=9, rows=1).parts) == 1
  mask = np.ones((4, 9))
  with pytest.raises(ValueError, match="belong together do not fit into 1 rows of 9"):
    full = mask, np.full(4, 2), np.zeros(4, int)
    packing.pack(*full, row_tokens=9, rows=1, whole_groups=True)


def packed(batch, **options):
  host = jax.device_get((batch.mask, batch.prompt_tokens, batch.group))
  return dataclasses.replace(batch, packing=packing.pack(*host, **options))


@pytest.mark.parametrize("row_tokens, rows_a_part", [(12, 2), (40, 1)])
def test_a_model_says_the_same_of_packed_rows(row_tokens, rows_a_part):
  """Every output of a real model, to 1e-5, over several parts."""
  rows, _ = rollouts(rows=16)
  params = {"policy": init_params(tiny.DECODER, jax.random.key(0))}
  needs = ("entropy", "collision")
  fn = jax.jit(
    lambda rows: by_parts(lambda r: POLICY.forward(params, {}, r, needs), rows, 1)
  )
  plain, out = fn(rows), fn(packed(rows, row_tokens=row_tokens, rows=rows_a_part))
  assert float(rows.mask.sum()) > 20
  for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(out), strict=True):
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_row_holds_as_much_of_a_longest_group_as_a_micro_batch_does():
  sampling = SamplingConfig(max_prompt_tokens=10, max_response_tokens=7)
  config = Config(group_size=4, sampling=sampling)
  width = lambda **sizes: row_tokens(dataclasses.replace(config, **sizes))
  assert width(micro_batch_tokens=38) == 10 + 4 * 7
  assert width(micro_batch_tokens=100) == 10 + 4 * 7
  assert width(micro_batch_tokens=37) == 10 + 3 * 7
  assert width(micro_batch_tokens=17) == 10 + 7
  assert width(micro_batch_tokens=37, packed_row_tokens=20) == 20

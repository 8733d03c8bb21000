"""Options that differ from their siblings: edit distances and draws inside jit."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.search.distinct import distinct, nearest
from jaxrl.search.edit_distance import edit_distance
from tests.references.search import edit_distance as reference

KEY = jax.random.key(0)
WIDE = 9


def padded(ids):
  """[WIDE] with junk behind, and the length."""
  return jnp.array([*ids, *[1] * (WIDE - len(ids))], jnp.int32), jnp.int32(len(ids))


def ids_of(text):
  return [ord(c) for c in text]


def test_edit_distance_known_numbers():
  for a, b, expected in (
    ("kitten", "sitting", 3),
    ("", "abc", 3),
    ("abc", "", 3),
    ("abc", "abc", 0),
    ("ab", "ba", 2),
    ("abcdef", "bcdefa", 2),
  ):
    found = edit_distance(*padded(ids_of(a)), *padded(ids_of(b)))
    assert int(found) == expected == reference.edit_distance(a, b)


@pytest.mark.parametrize("case", reference.CASES)
def test_edit_distance_against_reference(case):
  rng = np.random.default_rng(0)
  far = jax.jit(edit_distance)
  for _ in range(200):
    a, b = (rng.integers(0, 3, rng.integers(0, WIDE + 1)).tolist() for _ in range(2))
    found = int(far(*padded(a), *padded(b)))
    assert found == reference.edit_distance(a, b, **case)
    assert found == int(far(*padded(b), *padded(a)))


def test_the_nearest_sibling_counts_and_empty_places_do_not():
  words = [ids_of("aaaa"), ids_of("aabb"), ids_of("abbb")]
  others, lengths = zip(*map(padded, words), strict=True)
  arguments = (*padded(ids_of("bbbb")), jnp.stack(others), jnp.stack(lengths))
  there = lambda *on: int(nearest(*arguments, jnp.array(on)))
  assert there(True, False, False) == 4
  assert there(True, True, False) == 2 == there(False, True, False)
  assert there(True, True, True) == 1
  assert there(False, False, False) >= 20 - 2  # nothing is nearer than all of it


@functools.partial(jax.jit, static_argnums=(2, 3))
def drawn(table, key, distance, tries):
  """Draws of known distances, in an order that the keys choose."""

  def draw(key):
    place = jax.random.randint(key, (), 0, table.shape[0])
    return {"place": place}, table[place], jnp.int32(3)

  return distinct(draw, key, distance=distance, tries=tries)


def places(key, tries):
  """The places that the draws see."""
  found = []
  key, use = jax.random.split(key)
  for _ in range(tries):
    found.append(int(jax.random.randint(use, (), 0, 16)))
    key, use = jax.random.split(key)
  return found


def test_draws_until_far_enough_or_the_farthest_of_five():
  table = jnp.array([*range(7), *range(7), 20, 31], jnp.int32)  # some are equal
  ends = set()
  for seed in range(40):
    key = jax.random.key(seed)
    order = places(key, 5)
    far = [int(table[place]) for place in order]
    enough = next((i for i, x in enumerate(far) if x >= 20), None)
    option, tokens = drawn(table, key, 20, 5)
    kept = far.index(max(far)) if enough is None else enough
    assert int(option["place"]) == order[kept]
    assert int(tokens) == 3 * (5 if enough is None else enough + 1)
    ends.add(enough)
  assert {None, 0, 1} <= ends


def test_one_try_takes_what_comes():
  table = jnp.zeros(16, jnp.int32)
  option, tokens = drawn(table, KEY, 20, 1)
  assert int(option["place"]) == places(KEY, 1)[0] and int(tokens) == 3

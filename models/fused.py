"""Attention that never holds all scores [T, S] of a head, for passes without a cache.

`fused` is softmax attention under `visible` of attention.py: by the backend's kernel
where there is one that takes the arguments, and otherwise block by block in plain JAX.
The kernels get the rule as an explicit mask: one byte or two for a query and key,
shared by all heads, instead of several float32 for each head.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from jaxrl.models.attention import UNSEEN, Segments, visible
from jaxrl.models.cache import EMPTY

BLOCK = 512  # queries, and keys, whose scores are held at a time
CPU_BLOCK = 64  # fits into a core's cache: up to twice as fast as 256
SPLASH_BLOCKS = 128, 512  # the least that the kernel takes, and the most used
SAVED = "fused_attention"

# The queries' positions [B, T], the keys' [B, S], segments, reach []: see `visible`.
Places = tuple[Array, Array, Segments | None, Array]


def choose(
  backend: str,
  dtype: Any,
  *,
  softcap: float | None,
  head_dim: int,
  queries: int,
  capability: float = 0.0,
  partitioned: bool = False,
) -> str:
  """Which of the implementations runs.

  | runs | on | if |
  | --- | --- | --- |
  | cudnn | cuda | capability >= 8, 16-bit floats, no softcap, head_dim % 8 == 0 and |
  |       |      | <= 128 (256 from capability 9 on) |
  | splash | tpu | bfloat16, at least 128 queries, not partitioned |
  | blockwise | any | otherwise |

  Prefixes, padding and traced windows are in the mask and hence do not matter.
  `partitioned`: the compiler may split the program over devices, which it cannot do to
  a Pallas kernel; a `shard_map` over all axes of the mesh takes that away.
  """
  dtype = jnp.dtype(dtype)
  if backend == "cuda" and capability >= 8 and softcap is None:
    widest = 256 if capability >= 9 else 128
    half = dtype in (jnp.bfloat16, jnp.float16)
    if half and head_dim % 8 == 0 and head_dim <= widest:
      return "cudnn"
  long = queries >= SPLASH_BLOCKS[0]
  if backend == "tpu" and dtype == jnp.bfloat16 and long and not partitioned:
    return "splash"
  return "blockwise"


def fused(
  q: Float[Array, "B T K G h"],
  k: Float[Array, "B S K h"],
  v: Float[Array, "B S K h"],
  *,
  positions: Int[Array, "B T"],
  key_positions: Int[Array, "B S"],
  segments: Segments | None,
  reach: Int[Array, ""],
  softcap: float | None,
) -> Float[Array, "B T K G h"]:
  """Softmax attention under `visible(...)`; what sees nothing gets 0. q is scaled."""
  backend, capability = _device()
  kind = choose(
    backend,
    q.dtype,
    softcap=softcap,
    head_dim=q.shape[-1],
    queries=q.shape[1],
    capability=capability,
    partitioned=_partitioned(),
  )
  places = positions, key_positions, segments, reach
  if kind == "cudnn":
    return cudnn(q, k, v, places)
  if kind == "splash":
    return splash(q, k, v, places, softcap=softcap)
  # On a GPU the host would have to wait for each branch.
  skip, block = backend in ("cpu", "tpu"), CPU_BLOCK if backend == "cpu" else BLOCK
  return blockwise(q, k, v, places, softcap=softcap, skip=skip, block=block)


@functools.cache
def _device() -> tuple[str, float]:
  """(cpu, tpu, cuda or rocm, its compute capability or 0)."""
  backend, device = jax.default_backend(), jax.devices()[0]
  if backend != "gpu":
    return backend, 0.0
  if "cuda" not in device.client.platform_version:
    return "rocm", 0.0
  return "cuda", float(device.compute_capability)


def _partitioned() -> bool:
  kinds = jax.sharding.get_abstract_mesh().axis_types
  manual = all(kind == jax.sharding.AxisType.Manual for kind in kinds)
  return jax.device_count() > 1 and not (kinds and manual)


def _mask(places: Places) -> tuple[Array, Array]:
  """seen [B, T, S] with a key for everybody, and who really has one [B, T, 1, 1, 1].

  The kernels divide by the sum of a row's weights.
  """
  seen = visible(*places)
  sees = seen.any(-1)
  first = (jnp.arange(seen.shape[-1]) == 0)[None, None]
  return seen | (~sees[:, :, None] & first), sees[:, :, None, None, None]


def _to_multiple(x: Array, multiple: int, fill: int | None = 0) -> Array:
  """x [B, T, ...] with T padded up to a multiple; `fill` None repeats the last one."""
  extra = -x.shape[1] % multiple
  width = [(0, 0), (0, extra), *((0, 0),) * (x.ndim - 2)]
  how: dict[str, Any] = {"mode": "edge"} if fill is None else {"constant_values": fill}
  return jnp.pad(x, width, **how) if extra else x


def cudnn(q, k, v, places: Places) -> Array:
  """cuDNN's flash attention; its bias has to have even sizes in training."""
  batch, time, heads, groups, dim = q.shape
  positions, key_positions, segments, reach = places
  even = functools.partial(_to_multiple, multiple=2)
  places = (
    even(positions),
    even(key_positions, fill=EMPTY),
    None if segments is None else jax.tree.map(even, segments),
    reach,
  )

  def run(q, k, v, places):
    seen, sees = _mask(places)
    flat = q.reshape(batch, -1, heads * groups, dim)
    out = jax.nn.dot_product_attention(
      flat, k, v, mask=seen[:, None], scale=1.0, implementation="cudnn"
    )
    return jnp.where(sees, out.reshape(q.shape), 0)

  # The kernel's outputs are kept for the backward pass and the mask is not: every
  # layer would keep a [B, T, S] of its own.
  def keep(primitive, *_, **__):
    return "dot_product_attention" in primitive.name

  run = jax.checkpoint(run, policy=keep, prevent_cse=False)
  return run(even(q), even(k), even(v), places)[:, :time]


def splash(q, k, v, places: Places, *, softcap, interpret=False) -> Array:
  """JAX's splash attention for TPUs, row by row; blocks nobody sees are skipped."""
  positions, key_positions, segments, reach = places
  time, groups, dim = q.shape[1], q.shape[3], q.shape[-1]
  block, key_block = _splash_block(time), _splash_block(k.shape[1])
  k, v = (_to_multiple(x, key_block) for x in (k, v))
  q, positions = (_to_multiple(x, block) for x in (q, positions))
  key_positions = _to_multiple(key_positions, key_block, EMPTY)
  if segments is not None:
    segments = jax.tree.map(lambda ids: _to_multiple(ids, block), segments)

  def run(args):
    row, segments = jax.tree.map(lambda leaf: leaf[None], args)
    q, k, v, positions, key_positions = row
    seen, sees = _mask((positions, key_positions, segments, reach))
    kernel = _splash_kernel(seen, (block, key_block), softcap, interpret)
    flat = q[0].reshape(q.shape[1], -1, dim)
    out = kernel(*(x.swapaxes(0, 1) for x in (flat, k[0], v[0])))
    out = out.swapaxes(0, 1).reshape(-1, k.shape[2], groups, dim)
    return jnp.where(sees[0], out, 0)

  # Kept for the backward pass: the kernel's outputs, not the [T, S] of every layer.
  policy = jax.checkpoint_policies.save_only_these_names(SAVED)
  run = jax.checkpoint(run, policy=policy, prevent_cse=False)
  return lax.map(run, ((q, k, v, positions, key_positions), segments))[:, :time]


def _splash_block(time: int) -> int:
  """A size such that padding to a multiple adds at most a quarter, if one is."""
  least, most = SPLASH_BLOCKS
  return next((b for b in (most, most // 2) if b * 4 <= time), least)


def _splash_kernel(seen: Bool[Array, "1 T S"], blocks, softcap, interpret: bool):
  from jax.experimental.pallas.ops.tpu import splash_attention as lib

  names = "block_q", "block_kv"
  sizes = {
    f"{x}{y}": n
    for x, n in zip(names, blocks, strict=True)
    for y in ("", "_dq", "_dkv")
  }
  kernel = lib.make_splash_mha_single_device(
    seen,
    block_sizes=lib.BlockSizes(**sizes),
    attn_logits_soft_cap=softcap,
    residual_checkpoint_name=SAVED,
    interpret=interpret,
  )
  # jax 0.10.2 makes an array of this flag and then, under jit, fails to branch on it.
  kernel.fwd_mask_info = kernel.fwd_mask_info._replace(is_dynamic_mask=True)
  return kernel


def blockwise(q, k, v, places: Places, *, softcap, skip=True, block=BLOCK) -> Array:
  """Online softmax over blocks of keys, for one block of queries after another.

  `skip` leaves out pairs of blocks that cannot see each other.
  """
  positions, key_positions, segments, reach = places
  pair = None if segments is None else (segments.ids, segments.prefix)
  flat = positions, key_positions, pair, reach
  return _blockwise((softcap, skip, block), q, k, v, flat)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _blockwise(how, q, k, v, places):
  return _forward(how, q, k, v, places)[0]


def _forward(how, q, k, v, places):
  """The output as q, and the residuals of `_backward`."""
  softcap, skip, block = how
  sizes = (_size(x.shape[1], block) for x in (q, k))
  queries, keys, live = _split_places(places, *sizes)

  def query_block(args):
    q, query, live = args

    def key_block(carry, args):
      k, v, key, live = args

      def attend(carry):
        top, total, out = carry
        scores = _scores(q, k, _seen(query, key, places[3]), softcap)
        new_top = jnp.maximum(top, scores.max(-1, keepdims=True))
        # Weights of what is not seen are 1 as long as nothing is; then they vanish.
        weights, keep = jnp.exp(scores - new_top), jnp.exp(top - new_top)
        total = total * keep + weights.sum(-1, keepdims=True)
        return new_top, total, out * keep + _dot("rs,sh->rh", weights, v)

      return _when(live, skip, attend, lambda carry: carry, carry), None

    one = jnp.zeros((*q.shape[:-1], 1), jnp.float32)
    start = one + UNSEEN, one, jnp.zeros(q.shape, jnp.float32)
    top, total, out = lax.scan(key_block, start, (*blocks, keys, live))[0]
    total = jnp.maximum(total, 1.0)  # 0 if all was skipped, else no less than 1
    sees = top > UNSEEN
    log_total = jnp.where(sees, top + jnp.log(total), 0)
    return jnp.where(sees, out / total, 0).astype(q.dtype), log_total

  blocks = tuple(_split_heads(x, block) for x in (k, v))
  out, log_total = lax.map(query_block, (_split_heads(q, block), queries, live))
  out = _join_heads(out, q.shape)
  return out, (q, k, v, places, out, log_total)


def _backward(how, residuals, grad):
  """Recomputes each block's weights from the rows' log of the sum of exponentials."""
  softcap, skip, block = how
  q, k, v, places, out, log_total = residuals
  sizes = (_size(x.shape[1], block) for x in (q, k))
  queries, keys, live = _split_places(places, *sizes)
  blocks = tuple(_split_heads(x, block) for x in (k, v))
  inner = jnp.einsum("btkgh,btkgh->btkg", grad, out, preferred_element_type=jnp.float32)

  def query_block(sums, args):
    q, grad, inner, log_total, query, live = args

    def key_block(carry, args):
      (dk, dv), dq = carry
      k, v, key, live, index = args

      def attend(_):
        scores = _scores(q, k, _seen(query, key, places[3]), softcap)
        weights = jnp.exp(scores - log_total)
        slope = weights * (_dot("rh,sh->rs", grad, v) - inner)
        if softcap is not None:  # where a key is not seen the weight is 0, no factor
          slope = slope * jnp.where(weights > 0, 1 - (scores / softcap) ** 2, 0)
        return (
          _dot("rs,rh->sh", slope, q),
          _dot("rs,rh->sh", weights, grad),
          _dot("rs,sh->rh", slope, k),
        )

      def nothing(_):
        return tuple(jnp.zeros(x.shape, jnp.float32) for x in (k, v, q))

      one, two, three = _when(live, skip, attend, nothing, ())
      return ((dk.at[index].add(one), dv.at[index].add(two)), dq + three), None

    start = sums, jnp.zeros(q.shape, jnp.float32)
    xs = *blocks, keys, live, jnp.arange(len(live))
    sums, dq = lax.scan(key_block, start, xs)[0]
    return sums, dq.astype(q.dtype)

  start = tuple(jnp.zeros(x.shape, jnp.float32) for x in blocks)
  parts = (_split_heads(x, block) for x in (q, grad, inner[..., None]))
  (dk, dv), dq = lax.scan(query_block, start, (*parts, log_total, queries, live))
  dk, dv = (_join_heads(x, k.shape).astype(k.dtype) for x in (dk, dv))
  return _join_heads(dq, q.shape), dk, dv, None


_blockwise.defvjp(_forward, _backward)


def _when(live: Array, skip: bool, attend, otherwise, carry):
  return lax.cond(live, attend, otherwise, carry) if skip else attend(carry)


def _dot(axes: str, a: Array, b: Array) -> Array:
  """Batched over rows and kv heads; operands in b's dtype, summed in float32."""
  left, right = axes.split("->")
  one, two = left.split(",")
  axes = f"bk{one},bk{two}->bk{right}"
  return jnp.einsum(axes, a.astype(b.dtype), b, preferred_element_type=jnp.float32)


def _scores(q: Array, k: Array, seen: Array, softcap: float | None) -> Array:
  """q [B, K, G*t, h] against k [B, K, s, h] with seen [B, t, s]: [B, K, G*t, s]."""
  scores = _dot("rh,sh->rs", q, k)
  if softcap is not None:
    scores = jnp.tanh(scores / softcap) * softcap
  parts = scores.reshape(*scores.shape[:2], -1, *seen.shape[1:])
  return jnp.where(seen[:, None, None], parts, UNSEEN).reshape(scores.shape)


def _seen(query, key, reach: Array) -> Array:
  """`visible` for a block of queries and one of keys: [B, t, s]."""
  (positions, pair), (key_positions, owner) = query, key
  seen = visible(positions, key_positions, None, reach)
  if pair is not None:
    ids, prefix = (x[..., None] for x in pair)
    seen &= (ids == owner[:, None]) | (prefix == owner[:, None])
  return seen


def _size(time: int, block: int) -> int:
  """The size of equal blocks of at most `block`, so that little is padding."""
  count = -(-time // block)
  return -(-time // count)


def _split(x: Array, size: int, fill: int | None) -> Array:
  """[B, T, ...] to blocks [n, B, size, ...]."""
  x = _to_multiple(x, size, fill)
  return jnp.moveaxis(x.reshape(x.shape[0], -1, size, *x.shape[2:]), 1, 0)


def _split_heads(x: Array, block: int) -> Array:
  """[B, T, K, (G,) h] to [n, B, K, (G *) size, h], a block's queries one matrix."""
  x = _split(x, _size(x.shape[1], block), 0)
  x = jnp.moveaxis(x, 2, -2)
  return x.reshape(*x.shape[:3], -1, x.shape[-1])


def _join_heads(x: Array, shape: tuple[int, ...]) -> Array:
  """The inverse of `_split_heads`; `shape` is what it was given."""
  x = x.reshape(*x.shape[:3], *shape[3:-1], -1, x.shape[-1])
  x = jnp.moveaxis(x, -2, 2)  # [n, B, size, K, (G,) h]
  x = jnp.moveaxis(x, 0, 1).reshape(shape[0], -1, *shape[2:])
  return x[:, : shape[1]]


def _split_places(places, size: int, key_size: int):
  """Blocks of queries and of keys, and live [n, m]: who may see whom.

  live goes by the blocks' extremes, row by row: it may be true for nothing, but where
  it is false no query sees a key.
  """
  positions, key_positions, pair, reach = places
  query, key = _split(positions, size, None), _split(key_positions, key_size, EMPTY)
  last_key = jnp.where(key < EMPTY, key, -1).max(-1)[None]
  first_key = key.min(-1)[None]
  first = query.min(-1)[:, None]
  last = jnp.where(query < EMPTY, query, -1).max(-1)[:, None]
  live = (first_key <= last) & (first_key < EMPTY) & (first - last_key < reach)
  if pair is None:
    return (query, None), (key, None), live.any(-1)
  owner = _split(pair[0], key_size, None)
  ids, prefix = (_split(x, size, None) for x in pair)

  def overlap(ids):
    below = ids.min(-1)[:, None] <= owner.max(-1)[None]
    return below & (ids.max(-1)[:, None] >= owner.min(-1)[None])

  live &= overlap(ids) | overlap(prefix)
  return (query, (ids, prefix)), (key, owner), live.any(-1)

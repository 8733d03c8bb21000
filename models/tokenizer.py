"""Text to token ids and back, and chat templates.

Wraps a `tokenizers.Tokenizer`; a chat template is Jinja, rendered in a sandbox with
the names that Hugging Face templates expect.
"""

import dataclasses
import datetime
import functools
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import jinja2.ext
import jinja2.sandbox
import tokenizers

from jaxrl.models.errors import ModelError

# Tokens that end an assistant's turn in the chat formats of the supported families.
CHAT_ENDS = ("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<end_of_turn>")
_BYTE_TEMPLATE = (
  "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>"
  "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclasses.dataclass(frozen=True, eq=False)
class Tokenizer:
  """Immutable. `stop_ids` are the tokens that end a response, eos first."""

  backend: tokenizers.Tokenizer
  eos_id: int
  pad_id: int
  bos_id: int | None = None
  stop_ids: tuple[int, ...] = ()
  template: str | None = None  # Jinja

  def __post_init__(self):
    vocab = self.backend.get_vocab(with_added_tokens=True)
    ends = [vocab[end] for end in CHAT_ENDS if end in vocab]
    stops = dict.fromkeys((self.eos_id, *self.stop_ids, *ends))  # unique, in order
    object.__setattr__(self, "stop_ids", tuple(stops))

  @property
  def vocab_size(self) -> int:
    """One more than the highest id; a model's table may be longer."""
    return max(self.backend.get_vocab(with_added_tokens=True).values()) + 1

  def encode(self, text: str, *, add_special: bool = False) -> list[int]:
    """Token ids; special tokens written out in the text become their one id.

    `add_special` adds what the model wants around plain text, usually a leading bos.
    """
    return self.backend.encode(text, add_special_tokens=add_special).ids

  def decode(self, ids: Sequence[int], skip_special: bool = True) -> str:
    """Text of the ids; bytes that are no UTF-8 become the replacement character."""
    ids = [int(token) for token in ids]
    return self.backend.decode(ids, skip_special_tokens=skip_special)

  def chat(
    self, messages: Sequence[Mapping[str, Any]], *, add_generation_prompt: bool = True
  ) -> list[int]:
    """Token ids of a conversation of {"role", "content"} messages."""
    return self.encode(
      self.render(messages, add_generation_prompt=add_generation_prompt)
    )

  def render(
    self, messages: Sequence[Mapping[str, Any]], *, add_generation_prompt: bool = True
  ) -> str:
    """The conversation as the text that `chat` encodes."""
    if self.template is None:
      raise ModelError(
        "tokenizer: it has no chat template; use encode() on plain text, or give one "
        "with dataclasses.replace(tokenizer, template=...)"
      )
    token = self.backend.id_to_token
    try:
      return _compiled(self.template).render(
        messages=[dict(message) for message in messages],
        add_generation_prompt=add_generation_prompt,
        bos_token="" if self.bos_id is None else token(self.bos_id),
        eos_token=token(self.eos_id),
      )
    except jinja2.TemplateError as error:
      raise ModelError(
        f"chat template: {error}; check the messages' roles and order"
      ) from error

  def save(self, directory: str | pathlib.Path) -> None:
    """Writes tokenizer.json, tokenizer_config.json and generation_config.json."""
    directory = pathlib.Path(directory)
    names = {"bos": self.bos_id, "eos": self.eos_id, "pad": self.pad_id}
    config: dict[str, Any] = {
      "tokenizer_class": "PreTrainedTokenizerFast",
      "clean_up_tokenization_spaces": False,
    }
    for name, token in names.items():
      if token is not None:
        config[f"{name}_token"] = self.backend.id_to_token(token)
    if self.template is not None:
      config["chat_template"] = self.template
    generation = {f"{name}_token_id": token for name, token in names.items()}
    generation["eos_token_id"] = list(self.stop_ids)  # type: ignore[assignment]
    self.backend.save(str(directory / "tokenizer.json"))
    _write_json(directory / "tokenizer_config.json", config)
    _write_json(directory / "generation_config.json", generation)

  @classmethod
  def from_hf(cls, directory: str | pathlib.Path) -> "Tokenizer":
    """The tokenizer of a Hugging Face directory."""
    directory = pathlib.Path(directory)
    path = directory / "tokenizer.json"
    if not path.is_file():
      raise ModelError(
        f"{path}: no such file; the slow formats (tokenizer.model, vocab.json) are not "
        "read, so save the tokenizer once with transformers' fast tokenizer"
      )
    try:
      backend = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises no class of its own
      raise ModelError(
        f"{path}: not a tokenizer ({error}); download it again"
      ) from error
    config = _read_json(directory / "tokenizer_config.json")
    generation = {
      **_read_json(directory / "config.json"),
      **_read_json(directory / "generation_config.json"),
    }
    stops = generation.get("eos_token_id")
    stops = stops if isinstance(stops, list) else [] if stops is None else [stops]
    eos = _token_id(backend, config, "eos_token", path)
    if eos is None and not stops:
      raise ModelError(
        f"{directory}: no eos_token in tokenizer_config.json and no eos_token_id in "
        "generation_config.json; add one, generation could not stop"
      )
    eos = stops[0] if eos is None else eos
    pad = _token_id(backend, config, "pad_token", path)
    return cls(
      backend,
      eos_id=eos,
      pad_id=eos if pad is None else pad,
      bos_id=_token_id(backend, config, "bos_token", path),
      stop_ids=tuple(stops),
      template=_template(directory, config),
    )


def byte_tokenizer() -> Tokenizer:
  """Ids 0..255 are the bytes; then pad, turn start and turn end (eos). For tests."""
  backend = tokenizers.Tokenizer(
    tokenizers.models.BPE(
      vocab={char: byte for byte, char in enumerate(_byte_chars())}, merges=[]
    )
  )
  backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(
    add_prefix_space=False, use_regex=False
  )
  backend.decoder = tokenizers.decoders.ByteLevel()
  backend.add_special_tokens(["<|pad|>", "<|im_start|>", "<|im_end|>"])
  return Tokenizer(backend, eos_id=258, pad_id=256, template=_BYTE_TEMPLATE)


def _byte_chars() -> list[str]:
  """GPT-2's printable character for each byte, which ByteLevel maps bytes to."""
  printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
  spare = iter(range(256, 512))
  return [chr(b if b in printable else next(spare)) for b in range(256)]


class _Generation(jinja2.ext.Extension):
  """`{% generation %}` marks what an assistant wrote; it renders as its body."""

  tags = {"generation"}  # noqa: RUF012

  def parse(self, parser):
    next(parser.stream)
    return parser.parse_statements(("name:endgeneration",), drop_needle=True)


@functools.lru_cache(maxsize=16)
def _compiled(template: str) -> jinja2.Template:
  environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
    trim_blocks=True,
    lstrip_blocks=True,
    extensions=[_Generation, jinja2.ext.loopcontrols],
  )

  def raise_exception(message: str):
    raise jinja2.TemplateError(message)

  environment.globals["raise_exception"] = raise_exception
  environment.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(
    form
  )
  environment.filters["tojson"] = functools.partial(json.dumps, ensure_ascii=False)
  try:
    return environment.from_string(template)
  except jinja2.TemplateError as error:
    raise ModelError(f"chat template: {error}; it is not valid Jinja") from error


def _template(directory: pathlib.Path, config: dict[str, Any]) -> str | None:
  path = directory / "chat_template.jinja"
  if path.is_file():
    return path.read_text(encoding="utf-8")
  template = config.get("chat_template")
  if isinstance(template, list):  # several named ones
    template = {entry["name"]: entry["template"] for entry in template}.get("default")
  return template


def _token_id(
  backend: tokenizers.Tokenizer, config: dict[str, Any], key: str, path: pathlib.Path
) -> int | None:
  token = config.get(key)
  token = token["content"] if isinstance(token, dict) else token
  if token is None:
    return None
  found = backend.token_to_id(token)
  if found is None:
    raise ModelError(
      f"{path}: {key} {token!r} is not in the vocabulary; tokenizer.json and "
      "tokenizer_config.json do not belong together"
    )
  return found


def _read_json(path: pathlib.Path) -> dict[str, Any]:
  return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _write_json(path: pathlib.Path, value: Any) -> None:
  path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")

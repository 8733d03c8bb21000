"""A tiny real model on disk and configs that train it in seconds."""

import dataclasses
import functools
import pathlib
import tempfile

import jax

from jaxrl.config import (
  Config,
  EvaluationConfig,
  ModelConfig,
  OutputConfig,
  SamplingConfig,
  VerifyConfig,
  resolve,
)
from jaxrl.models.config import DecoderConfig
from jaxrl.models.decoder import init_params
from jaxrl.models.save import save
from jaxrl.models.tokenizer import byte_tokenizer

OWN = pathlib.Path(__file__).with_name("own.py")
DECODER = DecoderConfig(
  vocab_size=259,
  num_layers=2,
  embed_dim=32,
  mlp_dim=64,
  num_heads=4,
  num_kv_heads=2,
  head_dim=8,
  max_positions=64,
  bos_id=257,
  eos_id=258,
  pad_id=256,
)


@functools.cache
def model_directory() -> str:
  """A random two-layer decoder over bytes, as a Hugging Face directory."""
  directory = pathlib.Path(tempfile.mkdtemp(prefix="jaxrl-tiny-")) / "model"
  save(directory, DECODER, init_params(DECODER, jax.random.key(0)), byte_tokenizer())
  return str(directory)


def config(directory: pathlib.Path, **changes) -> Config:
  """A run of four steps on sums of single digits."""
  base = Config(
    name="tiny",
    steps=4,
    prompts_per_step=4,
    group_size=4,
    micro_batches=2,
    responses_per_row=4,
    model=ModelConfig(path=model_directory(), chat=False, logit_chunk_tokens=32),
    sampling=SamplingConfig(
      max_prompt_tokens=8, max_response_tokens=4, prompt_bucket_tokens=8
    ),
    verify=VerifyConfig(workers=1),
    evaluation=EvaluationConfig(problems=6, samples=2, batch_rows=8),
    output=OutputConfig(directory=str(directory), checkpoint_every_steps=0),
    task={"name": "token_arithmetic", "max_operand": 9},
    # A random model is never right; its samples do differ in this.
    rewards=({"name": "accuracy"}, {"name": f"{OWN}:even_tokens"}),
    schedule={"name": "constant", "learning_rate": 1e-3},
  )
  return resolve(dataclasses.replace(base, **changes))

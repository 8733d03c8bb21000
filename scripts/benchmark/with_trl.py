"""TRL's side: GRPOTrainer on the CPU, without vLLM.

Isolated jobs call what the trainer itself calls: `_generate_single_turn` (transformers'
`generate` with the trainer's generation config), `_get_per_token_logps_and_entropies`
on the reference model, and `compute_loss`, backward, clipping and the optimiser's step
as in transformers' training loop. PyTorch runs eagerly, as it does for TRL's users.
"""

import os
import time
from importlib import metadata
from typing import Any

import datasets
import numpy as np
import torch
import transformers
import trl

from scripts.benchmark.steps import step_times
from scripts.benchmark.task import REWARDS

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
datasets.disable_progress_bars()


class Steps(transformers.TrainerCallback):
  """Notes when each step begins."""

  def __init__(self):
    self.starts: list[float] = []

  def on_step_begin(self, args, state, control, **kwargs):
    """Before the step's batch is generated."""
    self.starts.append(time.perf_counter())


def settings(job: dict[str, Any]) -> trl.GRPOConfig:
  """The job's hyper-parameters; what is not named is TRL's default."""
  return trl.GRPOConfig(
    output_dir=job["output"],
    use_cpu=True,
    bf16=False,
    gradient_checkpointing=False,
    report_to="none",
    logging_strategy="no",
    save_strategy="no",
    disable_tqdm=True,
    max_steps=job["steps"],
    per_device_train_batch_size=job["prompts_per_step"] * job["group"],
    num_generations=job["group"],
    shuffle_dataset=False,
    max_completion_length=job["response_tokens"],
    pad_to_multiple_of=None,
    temperature=1.0,
    beta=job["beta"],
    # False: the k3 term as jaxrl and Tunix compute it; the work is the same.
    use_bias_correction_kl=False,
    loss_type="grpo",
    learning_rate=job["learning_rate"],
    lr_scheduler_type="constant",
    max_grad_norm=job["max_grad_norm"],
    weight_decay=0.0,
    model_init_kwargs={"dtype": "float32"},
  )


def left(rows: np.ndarray, lengths: np.ndarray, pad: int) -> np.ndarray:
  """Rows padded on the left, as wide as the longest."""
  wide = np.full((len(rows), lengths.max()), pad, np.int64)
  for into, row, n in zip(wide, rows, lengths, strict=True):
    into[len(into) - n :] = row[:n]
  return wide


class Library:
  """One job at a time."""

  def versions(self) -> dict[str, str]:
    """Installed versions."""
    names = ("trl", "torch", "transformers", "accelerate")
    return {name: metadata.version(name) for name in names}

  def load(self, job: dict[str, Any]) -> None:
    """Trainer, reference, optimiser state and batch; nothing for the whole step."""
    if job["kind"] == "grpo":
      return
    self._build(job, lambda **_: [], [])
    trainer = self.trainer
    if stop_ids := job.get("stop_ids"):
      trainer.eos_token_ids = stop_ids
      trainer.generation_config.eos_token_id = stop_ids
      trainer.generation_kwargs["eos_token_id"] = stop_ids
    trainer.current_gradient_accumulation_steps = 1
    trainer.model.train()
    if "batch" in job:
      self._read_batch(job)
    if job["kind"] == "train":
      trainer.create_optimizer()
      data = np.load(job["batch"])
      noise = torch.tensor(data["noise"])[:, : self.width]
      self.inputs["ref_per_token_logps"] = self._logps() + noise
      self.inputs["advantages"] = torch.tensor(data["advantages"])

  def _build(self, job: dict[str, Any], reward: Any, callbacks: list) -> None:
    rows = {"prompt": job["prompts"], "answer": job["answers"]}
    self.trainer = trl.GRPOTrainer(
      model=job["directory"],
      reward_funcs=reward,
      args=settings(job),
      train_dataset=datasets.Dataset.from_dict(rows),
      callbacks=callbacks,
    )

  def _read_batch(self, job: dict[str, Any]) -> None:
    """Prompts padded on the left, responses on the right to the longest one."""
    data = np.load(job["batch"])
    pad = self.trainer._tokenizer.pad_token_id
    lengths, self.sizes = data["prompt_lengths"], data["response_lengths"]
    self.width = int(self.sizes.max())
    real = np.arange(self.width) < self.sizes[:, None]
    prompts = left(data["prompts"], lengths, pad)
    responses = np.where(real, data["responses"][:, : self.width], pad)
    asked = np.arange(prompts.shape[1]) >= prompts.shape[1] - lengths[:, None]
    self.inputs = {
      "prompt_ids": torch.tensor(prompts),
      "prompt_mask": torch.tensor(asked.astype(np.int64)),
      "completion_ids": torch.tensor(responses.astype(np.int64)),
      "completion_mask": torch.tensor(real.astype(np.int64)),
    }

  def _logps(self) -> torch.Tensor:
    x = self.inputs
    join = lambda kind: torch.cat([x[f"prompt_{kind}"], x[f"completion_{kind}"]], dim=1)
    with torch.no_grad():
      logps, _, _ = self.trainer._get_per_token_logps_and_entropies(
        self.trainer.ref_model,
        join("ids"),
        join("mask"),
        self.width,
        batch_size=self.trainer.args.per_device_train_batch_size,
      )
    return logps

  def release(self) -> None:
    """Drops everything."""
    for name in ("trainer", "inputs"):
      self.__dict__.pop(name, None)

  def _generate(self, job: dict[str, Any]) -> tuple[list[list[int]], list[list[int]]]:
    prompts = [text for text in job["prompts"] for _ in range(job["group"])]
    ids, images, fields = self.trainer._tokenize_prompts(prompts)
    out, _ = self.trainer._generate_single_turn(ids, images, fields, job["group"])
    return ids, out

  def check(self, job: dict[str, Any]) -> dict[str, Any]:
    """Greedy tokens and log-probs of the batch's responses."""
    settings = (self.trainer.generation_config, self.trainer.generation_kwargs)
    settings[0].do_sample = settings[1]["do_sample"] = False
    ids, out = self._generate(job)
    settings[0].do_sample = settings[1]["do_sample"] = True
    logp = self._logps().numpy()
    rows = [row[:n].tolist() for row, n in zip(logp, self.sizes, strict=True)]
    return {"greedy": out, "prompt_ids": ids, "logps": rows}

  def sample(self, job: dict[str, Any], round_: int) -> dict[str, Any]:
    """Responses to every prompt of the job, repeated as the trainer repeats them."""
    torch.manual_seed(round_)
    _, out = self._generate(job)
    return {"lengths": [len(row) for row in out]}

  def logps(self, job: dict[str, Any], round_: int) -> dict[str, Any]:
    """Reference log-probs of the batch."""
    self._logps()
    return {}

  def train(self, job: dict[str, Any], round_: int) -> dict[str, Any]:
    """One optimiser step: the lines of transformers' loop around TRL's loss."""
    trainer = self.trainer
    loss = trainer.compute_loss(trainer.model, self.inputs)
    trainer.accelerator.backward(loss)
    norm = trainer.accelerator.clip_grad_norm_(
      trainer.model.parameters(), job["max_grad_norm"]
    )
    trainer.optimizer.step()
    trainer.model.zero_grad()
    return {"grad_norm": float(norm)}

  def grpo(self, job: dict[str, Any], round_: int) -> dict[str, Any]:
    """A run of `GRPOTrainer.train` from the job's weights."""
    score = REWARDS[job["reward"]]
    rewards: list[float] = []
    lengths: list[float] = []

    def reward(prompts, completions, answer, completion_ids, **_):
      scores = [score(c, a) for c, a in zip(completions, answer, strict=True)]
      rewards.append(float(np.mean(scores)))
      lengths.append(float(np.mean([len(ids) for ids in completion_ids])))
      return scores

    steps = Steps()
    self._build(job, reward, [steps])
    self.trainer.train()
    result = step_times(steps.starts, rewards, lengths)
    self.release()
    return result

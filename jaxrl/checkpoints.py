"""Everything a run needs to go on as if it had never stopped, by orbax.

A checkpoint holds the train state (parameters or adapters, optimiser, step) and, as
JSON, the curriculum's state (which is also the position in the data), the number of
batches done, the seed and the config. All randomness is a function of the seed and of
these positions, so no generator is stored. Weights that do not train are not copied:
they are read again from `model.path`.
"""

import dataclasses
import json
import pathlib
import shutil
from typing import Any

import jax
import orbax.checkpoint as ocp

from jaxrl.config import Config, to_json
from jaxrl.errors import UserError
from jaxrl.types import TrainState, Tree

# What may change between a run and its continuation without changing its numbers.
FREE = ("name", "steps", "output", "verify", "evaluation", "platform")


@dataclasses.dataclass(frozen=True)
class Position:
  """Where the outer loop stands."""

  step: int  # batches of rollouts done
  curriculum: dict[str, Any]
  replay: Tree = dataclasses.field(default_factory=dict)  # name -> array, or empty


class Checkpoints:
  """The checkpoints of one run directory. Use as a context manager."""

  def __init__(self, directory: pathlib.Path, *, keep: int):
    self._directory = directory.resolve() / "checkpoints"
    options = ocp.CheckpointManagerOptions(
      max_to_keep=keep,
      # A save is over when `save` returns: what a signal interrupts is never half done.
      enable_async_checkpointing=False,
    )
    try:
      self._manager = ocp.CheckpointManager(self._directory, options=options)
    except OSError as error:
      raise UserError(
        f"cannot write checkpoints to {self._directory}: {error}"
      ) from None

  def __enter__(self) -> "Checkpoints":
    return self

  def __exit__(self, *exception: Any) -> None:
    self._manager.close()

  def latest_step(self) -> int | None:
    """Batches done at the newest whole checkpoint; None if there is none."""
    return self._manager.latest_step()

  def save(self, state: TrainState, position: Position, config: Config) -> None:
    """Saves; an interrupted save leaves the earlier checkpoints as they were.

    Raises:
      UserError: the disk is full or not writable.
    """
    if position.step == self.latest_step():
      return
    about = {
      "step": position.step,
      "curriculum": position.curriculum,
      "seed": config.seed,
      "config": json.loads(to_json(config)),
    }
    args = ocp.args.Composite(
      state=ocp.args.StandardSave(state),
      about=ocp.args.JsonSave(about),
      **({"replay": ocp.args.StandardSave(position.replay)} if position.replay else {}),
    )
    self._check_space((state, position.replay), position.step)
    try:
      self._manager.save(position.step, args=args, force=True)
    # tensorstore reports a full disk as ValueError.
    except (OSError, ValueError) as error:
      kept = self.latest_step()
      raise UserError(
        f"cannot save step {position.step} to {self._directory} "
        f"({str(error).splitlines()[0]}); free some space and run the same command "
        f"again: it goes on from step {kept or 0}"
      ) from error

  def restore(
    self, state: TrainState, config: Config | None = None
  ) -> tuple[TrainState, Position] | None:
    """The newest checkpoint, or None if there is none.

    Args:
      state: of the right structure; its arrays' values are not used.
      config: of the run that goes on; a checkpoint of another one is refused. None
        takes any, to use its parameters in another way.

    Raises:
      UserError: the checkpoint is another config's, or cannot be read.
    """
    step = self.latest_step()
    if step is None:
      return None
    about = self._about(step)
    if config is not None:
      _check_config(
        self._directory.parent, about["config"], json.loads(to_json(config))
      )
    abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, state)
    restored = self._read(step, state=ocp.args.StandardRestore(abstract)).state
    replay = {}
    if (self._directory / str(step) / "replay").exists():
      replay = self._read(step, replay=ocp.args.StandardRestore()).replay
    return restored, Position(about["step"], about["curriculum"], replay)

  def _check_space(self, tree: Tree, step: int) -> None:
    # Before a byte is written: on a disk that fills up midway, orbax leaves threads
    # behind that fail one by one.
    needed = sum(x.nbytes for x in jax.tree.leaves(tree))
    free = shutil.disk_usage(self._directory).free
    if needed > free:
      raise UserError(
        f"cannot save step {step} to {self._directory}: no space, "
        f"{needed / 1e6:.1f} MB needed and {free / 1e6:.1f} MB free; free some and run "
        f"the same command again: it goes on from step {self.latest_step() or 0}"
      )

  def _about(self, step: int) -> dict[str, Any]:
    return self._read(step, about=ocp.args.JsonRestore()).about

  def _read(self, step: int, **items: Any) -> Any:
    try:
      return self._manager.restore(step, args=ocp.args.Composite(**items))
    except (OSError, ValueError, KeyError) as error:
      raise UserError(
        f"cannot read the checkpoint {self._directory / str(step)} "
        f"({str(error).splitlines()[0]}); remove that folder to go on from the one "
        "before it"
      ) from error


def check_same_run(directory: pathlib.Path, config: Config) -> None:
  """UserError if the directory is a run's whose config gives other numbers."""
  saved = directory / "config.json"
  if saved.exists():
    try:
      old = json.loads(saved.read_text())
    except ValueError as error:
      raise UserError(
        f"{saved} is no JSON ({error}); restore or remove that run directory"
      ) from error
    _check_config(directory, old, json.loads(to_json(config)))


def _check_config(
  directory: pathlib.Path, saved: dict[str, Any], now: dict[str, Any]
) -> None:
  for path, old, new in differences(saved, now):
    raise UserError(
      f"{directory} holds a run of another config: {path} is {json.dumps(old)} there "
      f"and {json.dumps(new)} now; choose another --output.directory, or give the old "
      "value to go on"
    )


def differences(
  old: dict[str, Any], new: dict[str, Any], prefix: str = ""
) -> list[tuple[str, Any, Any]]:
  """(path, old, new) of the fields that differ and that decide a run's numbers."""
  found = []
  for key in sorted(set(old) | set(new)):
    path = f"{prefix}{key}"
    a, b = old.get(key), new.get(key)
    if path in FREE or a == b:
      continue
    if isinstance(a, dict) and isinstance(b, dict):
      found += differences(a, b, f"{path}.")
    else:
      found.append((path, a, b))
  return found

"""The problems of `math_jsonl` as a TensorFlow dataset: prepared once, read at random.

Files too big for memory stay on disk, in array_record files that need no TensorFlow.
"""

import contextlib
import functools
import hashlib
import io
import json
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, overload

import numpy as np
import tensorflow_datasets as tfds

from jaxrl.errors import UserError
from jaxrl.problems import Problem, Task
from jaxrl.tasks import math_jsonl as jsonl

Splits = tuple[list[Problem], list[Problem]]


def math_tfds(
  *,
  train_path: str,
  test_path: str | None = None,
  data_dir: str = "~/.cache/jaxrl/tfds",
  test_fraction: float = 0.1,
  on_bad_line: Literal["error", "skip"] = "error",
  instruction: str = jsonl.INSTRUCTION,
  system: str = "",
) -> Task:
  """As `math_jsonl`, from a dataset below `data_dir` that is written at first use.

  The dataset's folder is named by a hash of the files and of what decides the split, so
  a changed file is prepared anew and never read stale.
  """
  paths = [train_path] if test_path is None else [train_path, test_path]
  digest = hashlib.sha256(f"1 {len(paths)} {test_fraction} {on_bad_line}".encode())
  for path in paths:
    if not pathlib.Path(path).is_file():
      raise UserError(f"no file {path}: give a JSONL file of questions and answers")
    with open(path, "rb") as file:
      digest.update(hashlib.file_digest(file, "sha256").digest())
  folder = pathlib.Path(data_dir).expanduser() / digest.hexdigest()[:16]
  read = functools.partial(
    jsonl.read_splits, train_path, test_path, test_fraction, on_bad_line
  )
  try:
    builder = MathJsonl(read, data_dir=str(folder))
    with contextlib.redirect_stdout(io.StringIO()):  # it talks of downloads
      builder.download_and_prepare()
  except OSError as error:
    raise UserError(f"cannot prepare the dataset in {folder}: {error}") from error
  train, test = (TfdsProblems(builder, split) for split in ("train", "test"))
  ask = functools.partial(jsonl.messages, instruction=instruction, system=system)
  return Task("math_tfds", train, test, jsonl.verify, ask)


class MathJsonl(tfds.core.GeneratorBasedBuilder):
  """Builder over problems that `read` gives when they are needed."""

  VERSION = tfds.core.Version("1.0.0")
  # Only for checksums of downloads, and finding it needs a package that tfds does not
  # declare (importlib_resources).
  code_path = None

  def __init__(self, read: Callable[[], Splits], **kwargs: Any):
    self._read = read
    super().__init__(file_format="array_record", **kwargs)

  def _info(self) -> tfds.core.DatasetInfo:
    text = tfds.features.Text()
    return tfds.core.DatasetInfo(
      builder=self,
      description="Questions with a worked solution and a final answer.",
      features=tfds.features.FeaturesDict(
        {
          "number": tfds.features.Scalar(np.int64),
          **dict.fromkeys(("id", "source", "question", "answer", "data"), text),
        }
      ),
      disable_shuffling=True,  # records lie in the order of `number`
    )

  def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
    train, test = self._read()
    return {
      "train": self._generate_examples(train),
      "test": self._generate_examples(test),
    }

  def _generate_examples(self, problems: list[Problem]) -> Iterator:
    for number, problem in enumerate(problems):
      yield (
        number,
        {
          "number": number,
          "id": problem.id,
          "source": problem.source,
          "question": problem.question,
          "answer": problem.answer,
          "data": json.dumps(dict(problem.data)),
        },
      )


class TfdsProblems(Sequence[Problem]):
  """The problems of a split, decoded as they are asked for; a source for grain."""

  def __init__(self, builder: MathJsonl, split: str):
    self._records = builder.as_data_source(split=split)

  def __len__(self) -> int:
    return len(self._records)

  @overload
  def __getitem__(self, index: int) -> Problem: ...
  @overload
  def __getitem__(self, index: slice) -> list[Problem]: ...
  def __getitem__(self, index):
    """The problem at a position of the JSONL file's order; a slice is a list."""
    if isinstance(index, slice):
      return [self[i] for i in range(*index.indices(len(self)))]
    position = range(len(self))[index]  # IndexError, and -1 is the last
    record = self._records[position]
    if int(record["number"]) != position:
      raise RuntimeError(f"record {position} holds problem {record['number']}")
    fields = {
      name: record[name].decode() for name in ("id", "source", "question", "answer")
    }
    return Problem(**fields, data=json.loads(record["data"]))

"""What rules of labels and queries want to know of solutions beside completions.

Only what they name is asked for: a rule that reads no verdicts costs no judge.
"""

import contextlib
import dataclasses
import functools
import pathlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from jaxrl import draw, pick
from jaxrl.build import Run
from jaxrl.config import bind
from jaxrl.errors import UserError
from jaxrl.prm import ensemble, knowledge, templates, thoughts, verdicts
from jaxrl.prm.shepherd import Shepherd
from jaxrl.prm.solutions import Solution
from jaxrl.prm.step_pairs import Numbered, StepPairs
from jaxrl.prm.verdicts import Library, Panel
from jaxrl.prm.written import Written
from jaxrl.problems import Problem
from jaxrl.sandbox import VerifierPool
from jaxrl.types import Tree

# Those who are asked, and the fields of `Evidence` that they fill in.
NEEDED = {
  "heads": {"heads"},
  "thoughts": {"alignment", "neighbours"},
  "templates": {"template_right"},
  "usage": {"knowledge_used"},
  "shepherd": {"checklist"},
}


@dataclasses.dataclass(frozen=True)
class Inquiry:
  """Those who are asked; None where no rule reads what they say."""

  needs: frozenset[str]  # fields of `Evidence` that some rule names
  query_judges: bool  # the query says whom the judges are asked about
  library: Library | None
  panel: Panel | None
  heads: ensemble.Heads | None
  thoughts: thoughts.Thoughts | None
  templates: templates.Templates | None
  usage: knowledge.Usage | None
  shepherd: Shepherd | None
  step_pairs: StepPairs | None
  write_documents: bool

  def prepare(
    self,
    write: Callable[[Numbered], list[list[Written]]],
    numbered: Numbered,
  ) -> None:
    """Before anything is written: `write` gives solutions to numbered problems."""
    if self.step_pairs is not None:
      self.step_pairs.prepare(write, numbered)

  def before(self, written: Sequence[Written]) -> None:
    """What a query may want to know first."""
    if self.heads is not None:
      for one, heads in zip(written, self.heads(written), strict=True):
        _add(one, heads=heads)
    if self.query_judges:
      for one in written:
        _add(one, verdicts=np.zeros((0, len(one.texts))))

  def judge(self, written: Sequence[Written]) -> None:
    """What judges say of the steps."""
    if self.panel is None:
      return
    for name in sorted({"verdicts", "grounded"} & self.needs):
      found = self.panel(written, grounded=name == "grounded")
      for one, said in zip(written, found, strict=True):
        _add(one, **{name: said})

  def after(self, written: Sequence[Written]) -> None:
    """All else, of solutions whose completions could be scored."""
    if not self.query_judges:
      self.judge(written)
    if self.thoughts is not None:
      for one in written:
        alignment, neighbours = self.thoughts(one)
        _add(one, alignment=alignment, neighbours=neighbours)
    if self.templates is not None:
      for one, by_plan in zip(written, self.templates(written), strict=True):
        _add(one, template_right=by_plan)
    if self.usage is not None and self.library is not None:
      found = [self.library.of(one.problem) for one in written]
      for one, used in zip(written, self.usage(written, found), strict=True):
        _add(one, knowledge_used=used)

    if self.shepherd is not None:
      for one, done in zip(written, self.shepherd(written), strict=True):
        _add(one, checklist=done)

  def pairs(self, one: Written) -> list[Solution]:
    """What is written of candidates for its steps."""
    return [] if self.step_pairs is None else self.step_pairs(one)

  def documents(self, problem: Problem) -> tuple[str, ...]:
    """What is written before a question."""
    if self.library is None or not self.write_documents:
      return ()
    return self.library.of(problem)


def _add(one: Written, **fields: Any) -> None:
  one.evidence = dataclasses.replace(one.evidence, **fields)


@contextlib.contextmanager
def inquire(
  run: Run, pool: VerifierPool, params: Tree, counts: Counter
) -> Iterator[Inquiry]:
  """Those whom the config's rules make necessary, loaded.

  Raises:
    UserError: a judge, a model, documents or other solutions are not there.
  """
  config = run.config
  query = pick.needs(bind(config, "query"))
  needs = frozenset((*query, *pick.needs(bind(config, "labels"))))
  settings = config.labelling.judge
  searches = settings.write_documents or needs & {"grounded", "knowledge_used"}
  library = verdicts.library_of(run) if searches else None
  if searches and library is None:
    raise UserError(
      f"labels {config.labels['name']} and write_documents need documents; set "
      "labelling.judge.documents to a JSONL file of them"
    )
  # Loaded where it is needed, and once.
  judging = functools.cache(lambda: verdicts.judging_model(run, params, settings))
  size = config.labelling.batch_prefixes
  stream = functools.partial(draw.stream, config.seed, draw.LABELS)
  keys = stream(verdicts.TEMPLATES), stream(verdicts.BY_TEMPLATE)
  with contextlib.ExitStack() as stack:
    panel = None
    if needs & {"verdicts", "grounded"}:
      panel = stack.enter_context(verdicts.panel(run, judging, library, counts))
    made = {
      "heads": lambda: ensemble.load(config.prm, run.task, batch_rows=size),
      "thoughts": lambda: thoughts.load(run, params),
      "templates": lambda: templates.Templates(
        *judging(), run, params, pool, counts, keys
      ),
      "usage": lambda: knowledge.Usage(*judging(), size, counts),
      "shepherd": lambda: Shepherd(
        *judging(), settings.votes, size, stream(verdicts.CHECKLISTS), counts
      ),
    }
    tree, by_criteria = config.labelling.criteria, None
    if tree is not None:
      encode = thoughts.Encoder(run, params, size)
      path, key = pathlib.Path(tree), stream(verdicts.CRITERIA)
      by_criteria = StepPairs(run, *judging(), encode, path, key, counts)
    parts: dict[str, Any] = {
      name: make() if NEEDED[name] & needs else None for name, make in made.items()
    }
    yield Inquiry(
      needs=needs,
      query_judges="verdicts" in query,
      library=library,
      panel=panel,
      step_pairs=by_criteria,
      write_documents=settings.write_documents,
      **parts,
    )

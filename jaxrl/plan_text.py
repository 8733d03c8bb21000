"""What `jaxrl plan` prints."""

from collections.abc import Sequence

from jaxrl.plan import Plan, Program, device_memory


def text(plan: Plan) -> str:
  """The plan as tables."""
  config = plan.config
  rows = config.prompts_per_step * config.group_size
  asked = config.prompts_per_step * config.sampling.max_prompt_tokens
  said = rows * config.sampling.max_response_tokens
  sizes = ("held", "arguments", "outputs", "aliased", "temporaries", "peak")
  programs = [
    (p.phase, p.name, *(_mb(getattr(p, size)) for size in sizes), f"{p.seconds:.1f}")
    for p in plan.programs
  ]
  top: dict[str, Program] = {}
  for p in sorted(plan.programs, key=lambda p: p.peak):
    top[p.phase] = p
  phases = dict.fromkeys(p.phase for p in plan.programs)
  peak = max(p.peak for p in plan.programs)
  memory, where = device_memory()
  frozen = f", {plan.frozen:,} are frozen" if plan.frozen else ""
  lines = (
    f"{config.name}: {plan.trained:,} parameters train{frozen}; a step has {rows} "
    f"responses: at most {said:,} tokens, to {asked:,} of prompts",
    "",
    *_table(("held", "MB"), [(name, _mb(size)) for name, size in plan.held.items()]),
    "",
    *_table(("phase", "program", *sizes, "compiled in s"), programs),
    "",
    *_table(
      ("phase", "peak", "in"), [(p, _mb(top[p].peak), top[p].name) for p in phases]
    ),
    "",
    f"peak {_mb(peak)} MB of {_mb(memory)} MB on {where}: "
    + ("fits" if peak <= memory else "does not fit"),
  )
  return "\n".join(lines)


def _mb(size: int) -> str:
  return f"{size / 1e6:,.1f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
  """Lines of aligned columns: words to the left, numbers to the right."""
  widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
  signs = [">" if cell[0].isdigit() else "<" for cell in rows[0]]

  def line(cells: Sequence[str]) -> str:
    columns = zip(cells, signs, widths, strict=True)
    return "  ".join(f"{cell:{sign}{width}}" for cell, sign, width in columns).rstrip()

  return [line(head), line(["-" * width for width in widths]), *map(line, rows)]

"""Runs the Python that a generative model of steps wrote: text in, what it printed out.

A verifier like any other, so the program runs as those of `code_jsonl` do: in a process
of its own without rights, files or network, under the pool's clock and memory limit.
"""

from jaxrl.problems import Problem, Verdict
from jaxrl.sandbox_program import Program, ProgramEnded, ProgramError

RUNS_PROGRAMS = True  # `sandbox_worker` starts a process for each
OUTPUT_CHARACTERS_MAX = 900
# Its own names stay out of the program's way; an error is part of what it says.
_HARNESS = """
def printed(code, most):
  import contextlib, io
  heard = io.StringIO()
  try:
    with contextlib.redirect_stdout(heard):
      exec(compile(code, "<program>", "exec"), {"__name__": "__main__"})
  except BaseException as error:
    heard.write(f"{type(error).__name__}: {error}")
  return heard.getvalue().strip()[:most]
"""


def run_code(problem: Problem, response: str, *, timeout_seconds: float) -> Verdict:
  """What the program printed, as the verdict's answer; score 0 where it did not end.

  Args:
    problem: not looked at.
    response: the program.
    timeout_seconds: below the pool's.
  """
  program = Program(timeout_seconds)
  try:
    program.ask("run", _HARNESS)
    text = program.ask("name", "printed")(response, OUTPUT_CHARACTERS_MAX)
  except (ProgramEnded, ProgramError) as error:
    return Verdict(0.0, formatted=False, answer=f"no output: {error}"[:200])
  return Verdict(1.0, formatted=True, answer=str(text))

import io
import os
import pathlib
import subprocess
import sys

import grain
import pytest

from jaxrl.errors import UserError
from jaxrl.problems import Problem, by_source, to_json
from jaxrl.sandbox import VerifierPool
from jaxrl.tasks import reasoning_gym as module
from jaxrl.tasks.reasoning_gym import extract, reasoning_gym

MIX = (
  "chain_sum(min_terms=2, max_terms=2, min_digits=1, max_digits=1)",
  "basic_arithmetic(max_terms=2, max_digits=1)",
  "gcd(max_numbers=2, max_value=20)",
  "prime_factorization(max_value=20)",
  "coin_flip",
)
WEIGHTS = (4.0, 2.0, 1.0, 1.0, 2.0)
UNSAFE = (
  "string_insertion",
  "countdown",
  "polynomial_multiplication",
  "spiral_matrix",
)


@pytest.fixture(scope="module")
def task():
  return reasoning_gym(mix=MIX, weights=WEIGHTS, draws=150)


@pytest.fixture(scope="module")
def pool(task):
  with VerifierPool(task.verify, timeout_seconds=3.0) as pool:
    yield pool


@pytest.fixture(scope="module")
def unsafe():
  task = reasoning_gym(mix=UNSAFE, draws=12, answer_form="tags", test_fraction=0.3)
  with VerifierPool(task.verify, timeout_seconds=2.0) as pool:
    yield by_source([*task.train, *task.test]), pool


@pytest.fixture
def drawn_here(monkeypatch):
  """Problems are drawn in this process: a child takes a second to import."""

  def run(command, *, input, **_):
    assert command[-1].endswith("import _draw_main; _draw_main()")
    out = io.StringIO()
    with monkeypatch.context() as patch:
      patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(input)))
      patch.setattr(sys, "stdout", out)
      module._draw_main()
    return subprocess.CompletedProcess(command, 0, out.getvalue().encode(), b"")

  monkeypatch.setattr(module.subprocess, "run", run)


def every(task) -> list[Problem]:
  return [*task.train, *task.test]


def test_the_default_is_what_the_small_model_can_learn(drawn_here):
  task = reasoning_gym(draws=400)
  assert 120 < len(task.train) + len(task.test) <= 200
  problem = task.train[0]
  assert problem.answer.lstrip("-").isdigit()
  assert "number only" in task.messages(problem)[0]["content"]
  own = reasoning_gym(draws=400, instruction="Just the sum.")
  assert own.messages(problem)[0]["content"].endswith("Just the sum.")


def test_sides_share_nothing_over_seeds(task):
  trained, held_out = ({p.question for p in side} for side in (task.train, task.test))
  other = reasoning_gym(mix=MIX, draws=300, seed=7)
  assert not trained & held_out
  assert not {p.question for p in other.train} & held_out
  assert not {p.question for p in other.test} & trained
  assert trained & {p.question for p in other.train}  # seeds do repeat questions

  def expressions(side):
    metadata = [p.data["entry"]["metadata"] for p in side]
    return {m["expression"] for m in metadata if "expression" in m}

  assert expressions(task.train)
  assert not expressions(other.train) & expressions(task.test)


def test_draws_are_the_same_in_every_process():
  """`word_ladder` iterates over sets: another hash seed draws other problems."""
  code = (
    "from jaxrl.tasks.reasoning_gym import reasoning_gym\n"
    "task = reasoning_gym(mix=('word_ladder', 'ransom_note'), draws=5)\n"
    "print([p.id for p in [*task.train, *task.test]])"
  )
  root = pathlib.Path(__file__).parents[2]
  printed = {
    subprocess.check_output(
      [sys.executable, "-c", code], cwd=root, env={**os.environ, "PYTHONHASHSEED": seed}
    )
    for seed in ("1", "2")
  }
  assert len(printed) == 1


def test_a_mix_is_drawn_by_its_weights(task):
  assert task.weights == pytest.approx(
    dict(
      zip(
        ("chain_sum", "basic_arithmetic", "gcd", "prime_factorization", "coin_flip"),
        (0.4, 0.2, 0.1, 0.1, 0.2),
        strict=True,
      )
    )
  )
  groups = by_source(task.train)
  assert set(groups) == set(task.weights)
  mixed = grain.MapDataset.mix(
    [grain.MapDataset.source(groups[n]).shuffle(seed=0).repeat() for n in groups],
    weights=[task.weights[n] for n in groups],
  )
  drawn = by_source([mixed[i] for i in range(1000)])
  shares = {name: len(group) / 1000 for name, group in drawn.items()}
  assert shares == pytest.approx(dict(task.weights), abs=0.01)


def test_the_same_task_twice(drawn_here):
  task = reasoning_gym(mix=("gcd", "gcd(max_value=10)"), draws=40)
  assert task.weights == {"gcd": 0.5, "gcd#2": 0.5}


def test_gold_answers_score_and_others_do_not(task, pool):
  problems = every(task)
  assert all(p.answer for p in problems)
  numeric = [p for p in problems if p.answer.lstrip("-").isdigit()]
  assert len(numeric) > 200
  pairs = [(p, p.answer) for p in problems[::3]]  # each answer costs a process
  assert {p.source for p, _ in pairs} == set(task.weights)
  assert {o.score for o in pool.verify(pairs)} == {1.0}
  numeric = numeric[::12]
  for wrong in ("banana", "", "{0} or 1", "The answer is {0}", "{0} {0}", "{0}\n1"):
    outcomes = pool.verify([(p, wrong.format(p.answer)) for p in numeric])
    assert {(o.status, o.score, o.formatted) for o in outcomes} == {("ok", 0.0, False)}
  outcomes = pool.verify([(p, "123457") for p in numeric])
  assert {(o.status, o.score, o.formatted) for o in outcomes} == {("ok", 0.0, True)}
  for right in (" {0}\n", "{0}."):
    outcomes = pool.verify([(p, right.format(p.answer)) for p in numeric])
    assert {(o.score, o.formatted) for o in outcomes} == {(1.0, True)}


def test_no_partial_credit(task, pool):
  """Its scorer gives some for a part of the factors, and raises on words."""
  problems = [p for p in every(task) if p.source == "prime_factorization"]
  problem = max(problems, key=lambda p: len(p.answer))
  for response in (problem.answer[0], "two × two", "1 × " + problem.answer):
    outcome = pool.verify([(problem, response)])[0]
    assert (outcome.status, outcome.score) == ("ok", 0.0), (response, outcome)


def test_a_task_that_takes_any_text_is_refused():
  """In the child that draws, whose errors are the user's here."""
  with pytest.raises(UserError, match="any text as right"):
    reasoning_gym(mix=("gcd", "game_of_life_halting"), draws=5)


def test_every_cheap_task_survives_the_trip_to_the_worker():
  """Tuples and integer keys included: `arc_agi` and `rearc` fail without."""
  from reasoning_gym.factory import DATASETS

  slow = {"knight_swap", "futoshiki", "sokoban", "zebra_puzzles", "puzzle24"}
  slow |= {"intermediate_integration", "quantum_lock", "arc_agi"}
  unfit = {"composite", "game_of_life_halting"}
  names = tuple(sorted(set(DATASETS) - slow - unfit))
  task = reasoning_gym(mix=names, draws=2, answer_form="tags", test_fraction=0.5)
  problems = every(task)
  no_gold = {p.source for p in problems if not p.answer}
  assert no_gold <= {
    "boxnet",
    "graph_color",
    "propositional_logic",
    "rubiks_cube",
    "rush_hour",
  }
  scorable = [p for p in problems if p.answer]
  assert len({p.source for p in scorable}) == len(names) - len(no_gold) > 85
  with VerifierPool(task.verify) as pool:
    answers = [f"I think\n<answer>{p.answer}</answer>" for p in scorable]
    outcomes = pool.verify(list(zip(scorable, answers, strict=True)))
    wrong = {
      (p.source, o.score, o.detail)
      for p, o in zip(scorable, outcomes, strict=True)
      if o.score != 1.0
    }
    assert wrong == set()
    ones = [group[0] for group in by_source(problems).values()]
    bananas = pool.verify([(p, "<answer>banana</answer>") for p in ones])
    assert not any(o.score for o in bananas)


def write_attempts(source: str, path: pathlib.Path) -> str:
  call = f"[open({str(path)!r},'w').close()]"
  return f"<answer>{call}</answer>"


@pytest.mark.parametrize("source", UNSAFE)
def test_text_that_a_scorer_evaluates_writes_no_file(unsafe, tmp_path, source):
  problems, pool = unsafe
  path = tmp_path / "written"
  outcome = pool.verify([(problems[source][0], write_attempts(source, path))])[0]
  assert outcome.score in (0.0, None)
  assert not path.exists()


def test_outside_the_sandbox_that_text_does_write(unsafe, tmp_path, drawn_here):
  """So the test above shows that it is stopped, not that it never ran."""
  problems, _ = unsafe
  path = tmp_path / "written"
  problem = problems["string_insertion"][0]
  with VerifierPool(
    reasoning_gym(mix=("gcd",), draws=20, answer_form="tags").verify,
    workers=1,
    layers=(),
  ) as free:
    free.verify([(problem, write_attempts("string_insertion", path))])
  assert path.exists()


def test_endless_arithmetic_is_cut(unsafe):
  problems, pool = unsafe
  endless = [(problems[s][0], "<answer>9**9**9**9</answer>") for s in UNSAFE[1:3]]
  after = problems["countdown"][1]
  *cut, last = pool.verify([*endless, (after, f"<answer>{after.answer}</answer>")])
  assert {(o.score, o.status) for o in cut} == {(None, "timeout")}
  assert last.score == 1.0


@pytest.mark.parametrize(
  ("mix", "message"),
  [
    ("chainsum", r"no task 'chainsum' \(did you mean 'chain_sum'"),
    ("composite", "no task 'composite'"),
    ("gcd(max_vale=3)", r"no parameter 'max_vale' \(did you mean 'max_value'"),
    ("gcd(size=3)", "no parameter 'size'"),
    ("gcd(max_value='many')", "gcd"),
    ("gcd(min_numbers=9, max_numbers=2)", "gcd"),
    ("gcd(3)", "write it as"),
    ("gcd(max_value=os.getpid())", "write it as"),
    ("gcd(", "write it as"),
    ("", "write it as"),
  ],
)
def test_a_wrong_mix_is_the_users_to_mend(mix, message, drawn_here):
  with pytest.raises(UserError, match=message) as raised:
    reasoning_gym(mix=(mix,), draws=3)
  assert "\n" not in str(raised.value)


def test_wrong_weights_and_draws():
  for wrong in (
    {"weights": (1.0,)},
    {"weights": (1.0, 0.0)},
    {"draws": 0},
    {"mix": ()},
  ):
    with pytest.raises(UserError):
      reasoning_gym(**{"mix": ("gcd", "lcm"), **wrong})


@pytest.mark.parametrize(
  ("response", "form", "gold", "answer"),
  [
    ("7", "plain", "7", "7"),
    (" 7.\n", "plain", "7", "7"),
    ("+1,234", "plain", "7", "1234"),
    ("-0.5", "plain", "7", "-0.5"),
    ("7 apples", "plain", "7", None),
    ("1,23", "plain", "7", None),
    ("True", "plain", "False", "True"),
    ("banana", "plain", "False", None),
    ("dna", "plain", "and", "dna"),
    ("d\nna", "plain", "and", None),
    ("x" * 99, "plain", "and", None),
    ("anything", "plain", None, "anything"),
    ("", "plain", None, None),
    ("<answer>6</answer> no, <answer> 7 </answer>", "tags", "7", "7"),
    ("<answer>7", "tags", "7", None),
    ("<answer></answer>", "tags", "7", None),
    ("\\boxed{7}", "boxed", "7", "7"),
    ("7", "boxed", "7", None),
  ],
)
def test_extraction(response, form, gold, answer):
  assert extract(response, form, gold) == answer


def test_problems_are_plain_data(task):
  assert all(to_json(dict(problem.data)) for problem in every(task))

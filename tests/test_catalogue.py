"""What the lists of methods and configs say, on the page and in the terminal."""

import itertools
import pathlib
import re
import subprocess
import sys

import pytest

from jaxrl import catalogue, cli, config
from jaxrl.build import build_methods
from jaxrl.errors import UserError
from jaxrl.pick import STAGES, names

ROOT = pathlib.Path(__file__).parents[1]
METHODS = [entry for entry in catalogue.entries() if entry.stage != "configs"]
VALUES_NEEDED = (
  *("tasks/code_jsonl", "tasks/labelled_steps", "tasks/math_jsonl", "tasks/math_tfds"),
  *("tasks/judged_steps", "tasks/judgement_pairs", "tasks/kept_critiques"),
  *("tasks/kept_judgements", "prm/steps/adaptivestep"),
  *("tasks/checklists", "tasks/step_pairs", "tasks/error_typed_steps"),
  "tasks/hierarchical_steps",
)


def printed(capsys, *arguments):
  """What a command prints."""
  assert cli.main(["methods", *arguments]) == 0
  return capsys.readouterr().out


def fails(capsys, *arguments):
  """The one line that a command prints as it fails, with nothing on stdout."""
  assert cli.main(["methods", *arguments]) == 2
  captured = capsys.readouterr()
  assert captured.err.count("\n") == 1 and not captured.out
  return captured.err


# --- docstrings ---------------------------------------------------------------------

TEXT = """Name: what it does, with `a.b` in it. Someone et al., https://arxiv.org/abs/1.

  L = a
      + b

Prose, then a list:
- one that goes on
  in the next line

  M = c

Paper: Someone, https://arxiv.org/abs/1,
section 2.
Run: jaxrl train x \\
  --steps 3
Id: one, two
Id: three
"""


def test_the_parts_of_a_docstring():
  assert catalogue.title(TEXT) == "Name: what it does, with `a.b` in it"
  assert catalogue.link(TEXT) == "https://arxiv.org/abs/1"
  assert catalogue.formula(TEXT) == "L = a\n    + b\n\nM = c"
  paper = "Someone, https://arxiv.org/abs/1, section 2."
  assert catalogue.line(TEXT, "Paper") == paper
  assert catalogue.line(TEXT, "Run") == "jaxrl train x --steps 3"
  assert catalogue.line(TEXT, "Expect") == ""
  assert catalogue.ids(TEXT) == ["one", "two", "three"]


def test_a_title_that_ends_in_a_link_has_no_period():
  text = "AdamW by Loshchilov et al., https://x.org.\n\nMore."
  assert catalogue.title(text) == "AdamW by Loshchilov et al"
  assert catalogue.title("Dr. GRPO: no bias. More.") == "Dr. GRPO: no bias"


# --- configs and what they use ------------------------------------------------------


def test_parts_are_what_differs_from_the_defaults():
  changed = config.Config(
    loss={"name": "ppo_clip", "clip_high": 0.28, "clip_low": 0.2},
    advantage={"name": "group_norm"},
    regularizers=({"name": "kl_k3"}, {"name": "losses/sft"}),
    mini_batches=2,
  )
  assert catalogue.parts(config.resolve(changed)) == {
    "loss": "ppo_clip(clip_high=0.28)",
    "regularizers": "kl_k3, losses/sft",
    "mini_batches": "2",
  }


def test_used_are_methods_features_and_the_critics_parts_where_it_is():
  plain = catalogue.used(config.resolve(config.Config()))
  assert {"losses/ppo_clip", "advantages/group_norm", "tasks/reasoning_gym"} <= plain
  assert not {"value_targets/lambda_return", "losses/value_clip"} & plain
  rich = config.Config(
    advantage={"name": "gae"},
    regularizers=({"name": "losses/sft"},),
    loss={"name": "kl_cov"},
    refill=({"name": "informative_groups"},),
  )
  assert {
    *("value_targets/lambda_return", "losses/value_clip", "losses/sft"),
    *("features/covariance_rank", "selectors/informative_groups"),
  } <= catalogue.used(config.resolve(rich))


@pytest.mark.parametrize("entry", METHODS, ids=lambda entry: entry.path)
def test_every_method_trains_by_itself(entry):
  if entry.stage == "features" or entry.path in VALUES_NEEDED:
    with pytest.raises(UserError, match=r"train alone|needs a value for"):
      config.of_method(entry.path)
    return
  chosen = config.of_method(entry.path)
  assert entry.path in catalogue.used(chosen)
  assert "/" not in chosen.name
  build_methods(chosen)


def test_a_method_by_itself_is_not_idle():
  assert config.of_method("losses/reinforce").epochs_per_batch == 1
  assert config.of_method("losses/gspo").epochs_per_batch > 1
  assert config.of_method("corrections/token_is").old_logp == "scorer"
  assert config.of_method("losses/value_clip").loss["name"] == "reinforce"
  assert len(config.of_method("rewards/accuracy").rewards) == 1
  assert len(config.of_method("rewards/soft_overlong").rewards) == 2
  controlled = config.of_method("controllers/adaptive_kl")
  assert [spec["name"] for spec in controlled.regularizers] == ["kl"]


@pytest.mark.parametrize(
  "name, near",
  [
    ("losses/gsp", "gspo"),
    ("loss/gspo", "losses"),
    ("losses", "gspo"),
    ("x", "losses"),
  ],
)
def test_what_is_no_method_is_named(name, near):
  with pytest.raises(UserError, match=near):
    config.of_method(name)


# --- docs/methods.md ----------------------------------------------------------------


@pytest.fixture(scope="module")
def page():
  """The text of docs/methods.md."""
  return (ROOT / "docs" / "methods.md").read_text()


def test_the_page_is_current(page):
  assert page == catalogue.page(), "run: python -m jaxrl.catalogue"


def test_the_page_has_everything_and_its_links_lead_somewhere(page):
  headings = re.findall(r"^#+ (.+)$", page, flags=re.MULTILINE)
  assert len(set(headings)) == len(headings)
  assert {entry.path for entry in METHODS} <= set(headings)
  for name in config.names():
    assert f"[{name}](../configs/{name}.py)" in page
  # As GitHub makes them: lower case, without punctuation.
  anchors = {re.sub(r"[^a-z0-9_-]", "", h.lower().replace(" ", "-")) for h in headings}
  assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= anchors
  for target in re.findall(r"\]\((\.\./[^)]+)\)", page):
    assert (ROOT / "docs" / target).exists(), target


def test_the_page_renders_as_written(page):
  from markdown_it import MarkdownIt

  tokens = MarkdownIt("commonmark").enable("table").parse(page)
  cells = set()
  for token, content in itertools.pairwise(tokens):
    if token.type == "inline":
      kinds = {child.type for child in token.children or ()}
      assert not kinds & {"em_open", "strong_open", "html_inline"}, token.content
    if token.type == "td_open":
      cells.add("".join(child.content for child in content.children or ()))
  for entry in catalogue.entries():  # whole: no | of theirs ended the cell
    assert catalogue.title(entry.text).replace("`", "") in cells
  fences = [t for t in tokens if t.type == "fence"]
  assert len(fences) == sum(bool(catalogue.formula(e.text)) for e in METHODS)


# --- jaxrl methods ------------------------------------------------------------------


def test_methods_lists_everything(capsys):
  lines = printed(capsys).splitlines()
  for stage in STAGES:
    for name in names(stage):
      text = catalogue.docstring(f"jaxrl.{stage}.{name}".replace("/", "."))
      assert any(
        line.startswith(f"  {name} ") and line.endswith(catalogue.title(text))
        for line in lines[lines.index(stage) :]
      )
  configs = lines[lines.index("configs") :]
  for name in config.names():
    assert any(line.startswith(f"  {name} ") for line in configs)
  grpo = next(i for i, line in enumerate(configs) if line.startswith("  grpo "))
  assert configs[grpo + 1].strip() == "regularizers kl_k3; reduction sequence_mean"


def test_methods_says_what_one_is(capsys):
  every = printed(capsys, "gspo")  # a name may be a method's and a config's
  assert printed(capsys, "losses/gspo").strip() in every
  assert printed(capsys, "configs/grpo") == printed(capsys, "grpo")
  text = printed(capsys, "losses/ppo_clip")
  assert "clip(r_t, 1 - clip_low" in text and "clip_high: float = 0.2" in text
  both = printed(capsys, "stable_reinforce")
  assert "advantages/stable_reinforce\n" in both and "losses/stable_reinforce\n" in both
  text = printed(capsys, "grpo")
  assert "Run: jaxrl train grpo" in text and "kl_k3(coefficient=0.04)" in text
  assert "value_clip" not in text  # there is no critic


def test_methods_names_what_is_wrong(capsys, tmp_path):
  assert "did you mean 'gspo'" in fails(capsys, "gspoo")
  assert "did you mean 'losses/gspo'" in fails(capsys, "losses/gspp")
  assert "`jaxrl methods` lists all" in fails(capsys, "qqqqqq")
  assert "not both" in fails(capsys, "gspo", "--coverage", "x.tsv")
  assert "cannot read" in fails(capsys, "--coverage", str(tmp_path / "none.tsv"))
  assert "cannot read" in fails(capsys, "--coverage", str(tmp_path))
  for i, content in enumerate((b"", b"name\tid\nx\ty\n", b"\xff\xfe\x00id")):
    (tmp_path / f"{i}.tsv").write_bytes(content)
    line = fails(capsys, "--coverage", str(tmp_path / f"{i}.tsv"))
    assert ("cannot read" if i == 2 else "must be named 'id'") in line


def test_coverage_has_a_line_for_every_id(capsys, tmp_path, monkeypatch):
  table = tmp_path / "methods.tsv"
  table.write_text('id\tname\none\tO "1\nno_such_id\tN\n\ntwo\tT\n')
  found = {"one": ["jaxrl/losses/one.py"], "two": ["configs/a.py", "jaxrl/b.py"]}
  monkeypatch.setattr(catalogue, "implemented", lambda: found)
  assert printed(capsys, "--coverage", str(table)).splitlines() == [
    "one\tcovered\tjaxrl/losses/one.py",
    "no_such_id\tmissing\t",
    "two\tcovered\tconfigs/a.py jaxrl/b.py",
  ]


def test_ids_are_found_in_docstrings_of_all_folders(tmp_path, monkeypatch):
  """In a package with a linked folder, whose files count once."""
  files = {
    "jaxrl/losses/a.py": '"""A.\n\nId: one, two\n"""\n',
    "jaxrl/prm/deep/b.py": '"""B.\n\nId: two\n"""\n',
    "jaxrl/c.py": '# Id: three\n\ndef f():\n  """Id: four"""\n',
    "configs/d.py": '"""D.\n\nId: five\nRun: x\n"""\n',
  }
  for name, text in files.items():
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)
  (tmp_path / "jaxrl" / "configs").symlink_to("../configs")
  monkeypatch.setattr(catalogue.jaxrl, "__path__", [str(tmp_path / "jaxrl")])
  monkeypatch.setattr(catalogue, "ROOT", tmp_path)
  assert catalogue.implemented() == {
    "one": ["jaxrl/losses/a.py"],
    "two": ["jaxrl/losses/a.py", "jaxrl/prm/deep/b.py"],
    "five": ["configs/d.py"],
  }


def test_the_listing_reads_and_does_not_compute():
  """No backend is started: it answers in a second or two."""
  program = (
    "from jaxrl import cli; assert cli.main(['methods']) == 0\n"
    "from jax._src import xla_bridge; assert not xla_bridge._backends"
  )
  subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


# --- CONTRIBUTING.md ----------------------------------------------------------------


def test_the_diff_in_contributing_is_the_method_that_is_there(tmp_path):
  """Applied to nothing it gives the two files, byte for byte."""
  text = (ROOT / "CONTRIBUTING.md").read_text()
  (diff,) = re.findall(r"^```diff\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
  command = ["git", "apply", "-"]
  subprocess.run(command, input=diff, text=True, check=True, cwd=tmp_path)
  made = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
  assert made == {"jaxrl/losses/asymre.py", "tests/references/losses/asymre.py"}
  for name in made:
    again = f"paste `git diff --no-index /dev/null {name}` without its index line"
    assert (tmp_path / name).read_text() == (ROOT / name).read_text(), again


def test_contributing_links_to_what_is_there():
  text = (ROOT / "CONTRIBUTING.md").read_text()
  for target in re.findall(r"\]\(([^)#:]+)\)", text):
    assert (ROOT / target).exists(), target

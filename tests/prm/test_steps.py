"""Rules that cut a response into steps, on texts that tokenizers cut differently."""

import importlib
import random

import numpy as np
import pytest
import tokenizers

from jaxrl import catalogue
from jaxrl.errors import UserError
from jaxrl.models.tokenizer import Tokenizer, byte_tokenizer
from jaxrl.pick import call, names, needs, pick
from jaxrl.prm.response import Response, pieces
from jaxrl.prm.steps.adaptivestep import quantile_threshold

RULES = names("prm/steps")
TEXTS = [
  "Step 1: add 2 and 3.\n\nStep 2: that is 5.\n\nStep 3: so it is 5.\n",
  "We start.\n\n\nThen we go on.\n   \n\tIndented line.\n\n",
  "\n\n  \nLeading blanks.\nOne line.\nAnother.",
  "No separator at all",
  "## Step 1\nfoo\n**Step 2:** bar Step 3: baz\nStep 10: end",
  "a <step>b <step> <step>c <step>",
  "Größe: 3 €\n\n😀😀\n\nStep 1: naïve 数学\nfin",
  "\n",
  " \n \n",
  "",
]
TEXT_RULES = ("newline", "separator", "step_word")


def bpe_tokenizer():
  """Byte-level BPE whose merges cross blanks and newlines."""
  backend = tokenizers.Tokenizer(tokenizers.models.BPE())
  backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(
    add_prefix_space=False, use_regex=False
  )
  backend.decoder = tokenizers.decoders.ByteLevel()
  trainer = tokenizers.trainers.BpeTrainer(
    vocab_size=330,
    special_tokens=["<|end|>"],
    initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    show_progress=False,
  )
  backend.train_from_iterator([text for text in TEXTS if text] * 3, trainer)
  return Tokenizer(backend, eos_id=0, pad_id=0)


def metaspace_tokenizer():
  """As the sentencepiece models': a decoder that drops the first token's blank."""
  backend = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
  backend.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
  backend.decoder = tokenizers.decoders.Metaspace()
  trainer = tokenizers.trainers.BpeTrainer(
    vocab_size=120, special_tokens=["<unk>", "<|end|>"], show_progress=False
  )
  backend.train_from_iterator([text for text in TEXTS if text], trainer)
  return Tokenizer(backend, eos_id=1, pad_id=1)


BYTES, BPE = byte_tokenizer(), bpe_tokenizer()


def reference(name):
  module = importlib.import_module(f"tests.references.prm.steps.{name}")
  return getattr(module, name), getattr(module, "CASES", [{}])


def responses(rng):
  """Responses with every field filled in, each text cut in several ways."""
  for text in TEXTS:
    cuts = [pieces(t, t.encode(text)) for t in (BYTES, BPE)]
    places = sorted(rng.choices(range(len(text) + 1), k=rng.randint(0, 9)))
    cuts.append([text[a:b] for a, b in zip([0, *places], [*places, None])])  # noqa: B905
    for parts in cuts:
      size = len(parts)
      steps = np.cumsum([0] + [rng.random() < 0.4 for _ in range(size - 1)])[:size]
      count = int(steps[-1]) + 1 if size else 0
      yield Response(
        pieces=parts,
        logp=np.array([-rng.expovariate(1.0) for _ in range(size)]),
        entropy=np.array([rng.expovariate(1.0) for _ in range(size)]),
        turns=np.array([rng.randint(0, 4) for _ in range(size)], dtype=int),
        steps=steps.astype(np.int32),
        verdicts=np.array(
          [rng.choice([0.0, 1.0, float("nan")]) for _ in range(count)], dtype=float
        ),
      )


ALL = list(responses(random.Random(0)))
PAIRS = [(name, hparams) for name in RULES for hparams in reference(name)[1]]


# --- every rule ---------------------------------------------------------------------


@pytest.mark.parametrize("name", RULES)
def test_has_paper_and_formula(name):
  text = catalogue.docstring(f"jaxrl.prm.steps.{name}")
  assert catalogue.link(text).startswith("https://arxiv.org/abs/")
  assert catalogue.formula(text)


@pytest.mark.parametrize("name, hparams", PAIRS)
def test_rule_matches_its_reference(name, hparams):
  rule, (expected, _) = pick("prm/steps", name, **hparams), reference(name)
  for response in ALL:
    arrays = [getattr(response, field) for field in needs(rule)]
    got = call(rule, response)
    assert got.tolist() == expected(*arrays, **hparams), response.pieces


@pytest.mark.parametrize("name, hparams", PAIRS)
def test_numbers_start_at_0_and_rise_without_gaps(name, hparams):
  for response in ALL:
    got = call(pick("prm/steps", name, **hparams), response)
    assert got.dtype == np.int32 and got.shape == (len(response.pieces),)
    if len(got):
      assert got[0] == 0 and set(np.diff(got)) <= {0, 1}


@pytest.mark.parametrize("name, hparams", PAIRS)
def test_steps_put_together_are_the_response(name, hparams):
  for response in ALL:
    got = call(pick("prm/steps", name, **hparams), response)
    texts = [""] * (int(got.max()) + 1 if len(got) else 0)
    for step, piece in zip(got, response.pieces, strict=True):
      texts[step] += piece
    assert "".join(texts) == "".join(response.pieces)


@pytest.mark.parametrize("name", TEXT_RULES)
@pytest.mark.parametrize("seed", range(20))
def test_another_tokenisation_shifts_no_step(name, seed):
  """A token's step is that of the character at which it starts."""
  rule, rng = pick("prm/steps", name), random.Random(seed)
  for text in filter(None, TEXTS):
    by_character = call(rule, Response(pieces=list(text)))
    places = sorted(rng.sample(range(1, max(len(text), 1)), k=min(6, len(text) // 3)))
    parts = [text[a:b] for a, b in zip([0, *places], [*places, None])]  # noqa: B905
    for cut in (
      parts,
      pieces(BPE, BPE.encode(text)),
      pieces(BYTES, BYTES.encode(text)),
    ):
      starts = np.cumsum([0] + [len(piece) for piece in cut])[: len(cut)]
      known = [by_character[min(s, len(text) - 1)] for s in starts]
      expected = np.unique(known, return_inverse=True)[1]
      np.testing.assert_array_equal(call(rule, Response(pieces=cut)), expected)


# --- pieces -------------------------------------------------------------------------


@pytest.mark.parametrize("tokenizer", [BYTES, BPE, metaspace_tokenizer()])
def test_pieces_are_the_text(tokenizer):
  rng = random.Random(1)
  for text in TEXTS:
    ids = tokenizer.encode(text)
    assert "".join(pieces(tokenizer, ids)) == tokenizer.decode(ids)
  for _ in range(200):  # what a random model writes: broken characters, special tokens
    ids = [rng.randrange(tokenizer.vocab_size) for _ in range(rng.randint(0, 30))]
    got = pieces(tokenizer, ids)
    assert len(got) == len(ids) and "".join(got) == tokenizer.decode(ids)


def test_a_character_comes_with_its_last_byte():
  got = pieces(BYTES, BYTES.encode("a€b😀"))
  assert got == ["a", "", "", "€", "b", "", "", "", "😀"]


def test_whole_characters_before_a_broken_one_are_not_held_back():
  assert pieces(BYTES, [10, 0xE2, 0x82, 0xAC, 10]) == ["\n", "", "", "€", "\n"]
  assert pieces(BYTES, [10, 0xE2, 10, 65]) == ["\n", "", "\ufffd\n", "A"]
  assert pieces(BYTES, [65, 0xE2]) == ["A", "\ufffd"]


def test_special_tokens_add_nothing():
  ids = [257, *BYTES.encode("a\n"), 258]
  assert pieces(BYTES, ids) == ["", "a", "\n", ""]
  # The stop token opens no step of its own.
  assert call(pick("prm/steps", "newline"), Response(pieces(BYTES, ids))).max() == 0


def test_long_responses_are_decoded_in_windows():
  text = "Step 1: naïve €.\n\n" * 100
  ids, decoded = BYTES.encode(text), 0

  class Counting(Tokenizer):
    def decode(self, ids, skip_special=True):
      nonlocal decoded
      decoded += len(ids)
      return super().decode(ids, skip_special)

  assert len(ids) > 2000
  assert "".join(pieces(Counting(BYTES.backend, 258, 256), ids)) == text
  assert decoded < 8 * len(ids)


# --- separators ---------------------------------------------------------------------


@pytest.mark.parametrize(
  "cut",
  [
    ["One.", "\n\n", "Two."],
    ["One.", "\n", "\n", "Two."],
    ["One", ".\n\n", "Two."],
    ["One.", "\n", "\nTwo", "."],
    ["One.\n\nTwo", "."],
  ],
)
@pytest.mark.parametrize("name", ["newline", "separator"])
def test_a_step_ends_with_the_token_that_ends_its_separator(name, cut):
  got = call(pick("prm/steps", name), Response(cut))
  glued = next(i for i, _ in enumerate(cut) if len("".join(cut[: i + 1])) >= 6)
  assert got.tolist() == [0 if i <= glued else 1 for i in range(len(cut))]


def test_bpe_glues_separators_to_their_neighbours():
  """Else the tests above would not test what they are for."""
  parts = pieces(BPE, BPE.encode(TEXTS[0]))
  assert any("\n\n" in part and part.strip() for part in parts)


def test_lines():
  rule = pick("prm/steps", "newline")
  cut = ["\n", "a", "\n", "\n", " ", "\n", "b", "\n"]
  assert call(rule, Response(cut)).tolist() == [0, 0, 0, 0, 0, 0, 1, 1]


def test_what_stands_before_the_first_word_is_a_step():
  cut = ["Well.", "\n", "Step 1: a", "\n", "Step 2: b"]
  assert call(pick("prm/steps", "step_word"), Response(cut)).tolist() == [0, 0, 1, 1, 2]
  blank = [" ", "\n", "Step 1: a", "\n", "Step 2: b"]
  got = call(pick("prm/steps", "step_word"), Response(blank))
  assert got.tolist() == [0, 0, 0, 0, 1]


def test_an_answer_and_a_thought_hold_more_than_blanks():
  rule = pick("prm/steps", "final_answer")
  cut = lambda *pieces: call(rule, Response([*pieces])).tolist()
  assert cut("a\n\n", "b", "</think>", "x\n\n", "y") == [0, 1, 1, 2, 2]
  assert cut("a", "</think>", "\n\n", " ") == [0, 0, 0, 0]
  assert cut(" ", "</think>", "x") == [0, 0, 0]


# --- properties of the papers -------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_adaptivestep_splits_the_share_of_the_pool(share):
  rng = np.random.default_rng(0)
  pool = [-rng.exponential(size=rng.integers(1, 80)) for _ in range(60)]
  total = sum(map(len, pool))
  threshold = quantile_threshold(pool, share=share)
  below = sum(int(np.sum(np.exp(row) < threshold)) for row in pool)
  assert abs(below - share * total) <= 1
  cuts = [pick("prm/steps", "adaptivestep", threshold=threshold)(row) for row in pool]
  first = sum(np.exp(row[0]) < threshold for row in pool)
  assert sum(int(cut[-1]) for cut in cuts) == below - first


def test_quantile_threshold_leaves_out_nan_and_refuses_nothing():
  pool = [np.log([0.5, 0.1]), np.array([np.nan])]
  assert quantile_threshold(pool, share=0.5) == pytest.approx(0.5)
  with pytest.raises(UserError, match="no sampled token"):
    quantile_threshold([np.array([np.nan])])
  with pytest.raises(UserError, match=r"share is 2\.0"):
    quantile_threshold([np.zeros(2)], share=2.0)


def test_tokens_that_were_not_sampled_start_nothing():
  bad = np.array([-9.0, np.nan, -9.0])
  assert pick("prm/steps", "adaptivestep", threshold=0.5)(bad).tolist() == [0, 0, 1]
  assert pick("prm/steps", "edu_prm")(-bad).tolist() == [0, 0, 1]


def test_a_split_thought_is_the_same_thought():
  """TP-GRPO: five wrong steps in a row count as one."""
  rule = pick("prm/steps", "merged")
  whole = rule(np.array([0, 1, 1, 1, 1, 1, 2]), np.array([1.0, 0.0, 1.0]))
  split = rule(np.arange(7), np.array([1.0, 0, 0, 0, 0, 0, 1]))
  np.testing.assert_array_equal(whole, split)


@pytest.mark.parametrize(
  "name, hparams, fields, message",
  [
    ("separator", {"text": ""}, {}, "text is empty"),
    ("step_word", {"pattern": "("}, {}, "no regular expression"),
    ("fixed_length", {"tokens": 0}, {}, "at least one"),
    (
      "merged",
      {},
      {"steps": np.arange(2), "verdicts": np.ones(1)},
      "2 steps have 1 verdicts",
    ),
  ],
)
def test_errors_are_clear(name, hparams, fields, message):
  with pytest.raises(UserError, match=message):
    call(pick("prm/steps", name, **hparams), Response(["a", "b"], **fields))

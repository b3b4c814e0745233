"""Every sentence for people is there in every language, with the same values in it."""

from __future__ import annotations

import copy
import importlib.util
import pickle
import string
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from h2h.adapters.catalogue import languages, translator
from h2h.core.words import Words, say, tell
from h2h.errors import ConfigError

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """The script that brings the catalogues up to date."""
    path = REPOSITORY / "tools" / "catalogue.py"
    spec = importlib.util.spec_from_file_location("catalogue_tool", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_there_is_english_and_chinese() -> None:
    assert languages() == ("en", "zh")


def test_every_sentence_is_translated_with_its_values(tool: ModuleType) -> None:
    sentences = tool.sentences()
    assert len(sentences) > 100
    for path in tool.catalogues():
        with path.open("rb") as file:
            catalogue = read_po(file)
        assert {message.id for message in catalogue if message.id} == sentences.keys()
        for template in sentences:
            told = str(catalogue[template].string)
            assert told, f"not translated: {template}"
            assert placeholders(told) == placeholders(template), template


def test_the_compiled_catalogue_is_the_written_one(tool: ModuleType) -> None:
    for path in tool.catalogues():
        with path.open("rb") as written, path.with_suffix(".mo").open("rb") as compiled:
            pairs = {message.id: message.string for message in read_po(written) if message.id}
            assert pairs == {m.id: m.string for m in read_mo(compiled) if m.id}


def test_a_sentence_is_told_with_its_values_in_the_other_language() -> None:
    words = say("batch {batch}, payment {payment} ({id})", batch=2, payment=14, id="INV-4711")
    assert words == "batch 2, payment 14 (INV-4711)"
    assert tell(words, translator("en")) == words
    told = tell(words, translator("zh"))
    assert told != words
    assert all(value in told for value in ("2", "14", "INV-4711"))


def test_a_value_that_is_a_sentence_is_translated_too() -> None:
    words = say("{place}, {part}", place=say("group header"), part=say("control sum"))
    told = tell(words, translator("zh"))
    assert "group" not in told
    assert "control" not in told


def test_a_value_with_braces_is_left_alone() -> None:
    words = say("{iban} has wrong check digits: a character was mistyped or swapped", iban="{x}")
    assert "{x}" in tell(words, translator("zh"))


def test_words_without_a_catalogue_stay_as_they_are() -> None:
    assert tell("plain {braces}", translator("zh")) == "plain {braces}"


@pytest.mark.parametrize("again", [copy.deepcopy, lambda words: pickle.loads(pickle.dumps(words))])
def test_copied_words_can_still_be_told(again: object) -> None:
    words = again(say("batch {batch}", batch=7))  # type: ignore[operator]  # a function
    assert isinstance(words, Words)
    assert tell(words, translator("zh")) != words


def test_an_unknown_language_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="xx") as refused:
        translator("xx")
    assert "en, zh" in refused.value.next_move

"""The back office speaks English, French, German and Italian: all of it."""

import re

import polib
import pytest

from tests.words import LANGUAGES, catalogue, everything_said

PLACE = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_is_translated_and_none_is_kept_that_nobody_says(language):
    entries = {entry.msgid: entry for entry in polib.pofile(str(catalogue(language)))}

    said = everything_said()

    empty = [text for text, entry in entries.items() if not (entry.msgstr or all(entry.msgstr_plural.values() or [""]))]
    assert (set(said) ^ set(entries), empty) == (set(), [])


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_the_places_where_something_is_put_in(language):
    astray = [
        entry.msgid
        for entry in polib.pofile(str(catalogue(language)))
        for told in ([entry.msgstr] if not entry.msgid_plural else entry.msgstr_plural.values())
        if sorted(PLACE.findall(told)) != sorted(PLACE.findall(entry.msgid_plural or entry.msgid))
    ]

    assert astray == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_is_written(language):
    written = {entry.msgid: entry.msgstr for entry in polib.pofile(str(catalogue(language))) if entry.msgstr}

    compiled = {
        entry.msgid: entry.msgstr for entry in polib.mofile(str(catalogue(language).with_suffix(".mo"))) if entry.msgstr
    }

    assert compiled == written

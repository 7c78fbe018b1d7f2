"""What the back office says, to be translated: marked strings of code and templates, and the labels of models.

`uv run python -m tests.words` adds what is new to the catalogues under loyalty/locale, drops what nobody says any more,
and compiles them; a string that has no translation yet is left empty, and a test names it.
"""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("loyalty", "users", "ledger", "rewards", "exchange")
LANGUAGES = ("de", "fr", "it")
MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop"}
PLURAL_MARKS = {"ngettext", "ngettext_lazy"}
TAG = re.compile(r"\{%\s*(?:translate|trans)\s+(\"[^\"]*\"|'[^']*')")
BLOCK = re.compile(r"\{%\s*block(?:translate|trans)\b([^%]*)%\}(.*?)\{%\s*endblock(?:translate|trans)\s*%\}", re.DOTALL)
Said = tuple[str, str]


def said_in_code() -> Iterator[Said]:
    """Marked strings of Python code, each with its plural, or none."""
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            if "migrations" not in path.parts:
                for node in ast.walk(ast.parse(path.read_text())):
                    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                        texts = [word.value for word in node.args if isinstance(word, ast.Constant)]
                        if node.func.id in MARKS and texts:
                            yield texts[0], ""
                        elif node.func.id in PLURAL_MARKS and len(texts) >= 2:
                            yield texts[0], texts[1]


def said_in_templates() -> Iterator[Said]:
    """Marked strings of our templates."""
    for path in [*(ROOT / "templates" / "admin").rglob("*"), *(ROOT / "templates").glob("*.html")]:
        if path.is_file():
            text = path.read_text()
            yield from ((quoted[1:-1], "") for quoted in TAG.findall(text))
            for options, body in BLOCK.findall(text):
                one, *many = re.split(r"\{%\s*plural\s*%\}", body)
                texts = [_placed(part, trimmed="trimmed" in options) for part in (one, *many)]
                yield texts[0], texts[1] if many else ""


def _placed(text: str, *, trimmed: bool) -> str:
    text = re.sub(r"\{\{\s*(\w+)\s*\}\}", r"%(\1)s", text.replace("%", "%%"))
    return " ".join(line.strip() for line in text.strip().splitlines()) if trimmed else text


def said_by_models() -> Iterator[Said]:
    """Labels of models, fields and choices, and help texts."""
    from django.apps import apps

    for app in ROOMS[1:]:
        for model in apps.get_app_config(app).get_models():
            yield from ((str(label), "") for label in (model._meta.verbose_name, model._meta.verbose_name_plural))
            for field in model._meta.get_fields():
                if hasattr(field, "verbose_name"):
                    labels = [
                        field.verbose_name,
                        field.help_text,
                        *(label for _, label in getattr(field, "choices", None) or []),
                    ]
                    yield from ((str(label), "") for label in labels if str(label))
            yield from ((name, "") for _, name in model._meta.permissions)


def everything_said() -> dict[str, str]:
    """Every string with its plural, or with none."""
    from django.utils.translation import override

    with override("en"):
        found = sorted({*said_in_code(), *said_in_templates(), *said_by_models()})
    return dict(found)


def catalogue(language: str) -> Path:
    return ROOT / "loyalty" / "locale" / language / "LC_MESSAGES" / "django.po"


def update(language: str) -> None:
    """Bring one catalogue up to date."""
    path, said = catalogue(language), everything_said()
    known = {entry.msgid: entry for entry in polib.pofile(str(path))} if path.exists() else {}
    fresh = polib.POFile(wrapwidth=120)
    plural = "nplurals=2; plural=(n > 1);" if language == "fr" else "nplurals=2; plural=(n != 1);"
    fresh.metadata = {"Content-Type": "text/plain; charset=utf-8", "Language": language, "Plural-Forms": plural}
    for text, many in said.items():
        entry = polib.POEntry(msgid=text, msgid_plural=many)
        was = known.get(text)
        if many:
            entry.msgstr_plural = was.msgstr_plural if was and was.msgstr_plural else {0: "", 1: ""}
        else:
            entry.msgstr = was.msgstr if was else ""
        if "%(" in text:
            entry.flags = ["python-format"]
        fresh.append(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh.save(str(path))
    fresh.save_as_mofile(str(path.with_suffix(".mo")))


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "loyalty.settings"
    import django

    django.setup()
    for each in LANGUAGES:
        update(each)

"""Templates of e-mails: what a brand may write in them, which one is used, how it is filled in.

Brands write Django's template language, cut down to variables, filters and `if`: nothing that reads files, loads
code or turns escaping off. A template is judged when it is saved, so that no e-mail ever finds a variable missing.
"""

import re
from dataclasses import dataclass
from typing import Any

from django.template import Context, Engine
from django.template.base import FilterExpression, Lexer, Parser, TokenType, Variable

from loyalty.errors import FieldError, InvalidRequest, invalid_field
from users.email_kinds import COMMON, VARIABLES
from users.models import Brand, Email, EmailTemplate

ENGLISH = "en"
TAGS = {"if": 1, "elif": 1, "else": 0, "endif": 0}  # and whether a condition follows
OPERATORS = {"and", "or", "not", "in", "is", "==", "!=", "<", ">", "<=", ">="}
FILTERS = {
    "capfirst",
    "default",
    "default_if_none",
    "linebreaks",
    "linebreaksbr",
    "lower",
    "title",
    "upper",
    "urlencode",
    "yesno",
}
OPTIONAL = {"first_name", "website", "valid_until", "reason"}
PARTS = ("subject", "text", "html")
LONGEST_SUBJECT = 200
# The libraries that every engine has hold tags of the file system; only their filters may be used (see faults_of).
_page_engine = Engine(autoescape=True, libraries={})
_text_engine = Engine(autoescape=False, libraries={})


@dataclass(frozen=True, slots=True)
class Composed:
    """An e-mail's words."""

    subject: str
    text: str
    html: str


def faults_of(kind: str, source: str) -> list[str]:
    """What is wrong with one part of a template of this kind; empty when nothing is.

    It is filled in with samples, too: with all of them, and with those left empty that may be.
    """
    samples = COMMON | VARIABLES.get(kind, {})
    known = set(samples)
    try:
        template = _page_engine.from_string(source)
        parser = Parser([], builtins=_page_engine.template_builtins)
        found = [fault for token in Lexer(source).tokenize() for fault in _faults_of_token(token, parser, known)]
        if not found:
            for values in (samples, samples | dict.fromkeys(OPTIONAL & known, "")):
                template.render(Context(values))
    except Exception as error:  # noqa: BLE001 - whatever a template does wrong, it would do when it is sent
        return [str(error)]
    return list(dict.fromkeys(found))


def compose(email: Email) -> Composed:
    """Fill in the template that the e-mail asks for, or what comes nearest to it."""
    return _filled(_sources(email), {**email.context, "brand": email.brand.name})


def preview(*, kind: str, parts: tuple[str, str, str], brand: Brand) -> Composed:
    """Fill subject, text and HTML in with samples. Raises InvalidRequest naming each part that has a fault, and which."""
    faults = [
        FieldError(part, "invalid", " ".join(found))
        for part, source in zip(PARTS, parts, strict=True)
        if (found := faults_of(kind, source))
    ]
    if faults:
        raise InvalidRequest("; ".join(f"{fault.field}: {fault.detail}" for fault in faults), errors=faults)
    return _filled(parts, {**samples_of(kind), "brand": brand.name})


def samples_of(kind: str) -> dict[str, Any]:
    """A value for each variable that templates of a kind may use. Raises InvalidRequest where there is no such kind."""
    if kind not in VARIABLES:
        raise invalid_field("kind", f"one of {', '.join(VARIABLES)}")
    return COMMON | VARIABLES[kind]


def _filled(sources: tuple[str, str, str], values: dict[str, Any]) -> Composed:
    subject, text, html = (
        (_page_engine if part == "html" else _text_engine)
        .from_string(source)
        .render(Context(values, autoescape=part == "html"))
        for part, source in zip(PARTS, sources, strict=True)
    )
    return Composed(" ".join(subject.split())[:LONGEST_SUBJECT], text, html)


def languages_of(language: str, brand: Brand) -> list[str]:
    """The languages to look for, best first: the wanted one, the brand's first, English."""
    wanted = re.split("[-_]", language)[0].lower()
    return list(dict.fromkeys([wanted, brand.languages[0], ENGLISH]))


def _sources(email: Email) -> tuple[str, str, str]:
    """The parts of the template: the named one in any of the languages, else the brand's or the house's by language."""
    rows = EmailTemplate.objects.filter(brand_id=email.brand_id, kind=email.kind, name__in={email.template, ""})
    own = {(row.name, row.language): row for row in rows}
    languages = languages_of(email.language, email.brand)
    named = [own[email.template, language] for language in languages if email.template and (email.template, language) in own]
    if named:
        return named[0].subject, named[0].text, named[0].html
    for language in languages:
        if ("", language) in own:
            row = own["", language]
            return row.subject, row.text, row.html
        if shipped := shipped_template(email.kind, language):
            return shipped
    raise LookupError(f"no template for e-mails of kind {email.kind!r}")


def shipped_template(kind: str, language: str) -> tuple[str, str, str] | None:
    """The parts of a template that comes with the product; None where there is none in that language."""
    from django.conf import settings  # noqa: PLC0415 - a folder of the house, not of a template engine

    folder = settings.BASE_DIR / "templates" / "email" / language
    if kind not in VARIABLES or not language.isalpha() or not (folder / f"{kind}.html").exists():
        return None
    subject, text, html = (
        (folder / f"{kind}.{ending}").read_text(encoding="utf-8") for ending in ("subject.txt", "txt", "html")
    )
    return subject, text, html


def _faults_of_token(token: Any, parser: Parser, known: set[str]) -> list[str]:
    if token.token_type is TokenType.TEXT and (brace := re.search(r"\{[{%]", token.contents)):
        return [f"{brace[0]} stands alone"]
    if token.token_type is TokenType.VAR:
        return _faults_of_expression(FilterExpression(token.contents, parser), known)
    if token.token_type is not TokenType.BLOCK:
        return []
    tag, *words = token.split_contents()
    if tag not in TAGS:
        return [f"{{% {tag} %}} cannot be used here; there are {', '.join(TAGS)}"]
    conditions = [word for word in words if word not in OPERATORS] if TAGS[tag] else []
    return [fault for word in conditions for fault in _faults_of_expression(FilterExpression(word, parser), known)]


def _faults_of_expression(expression: FilterExpression, known: set[str]) -> list[str]:
    variables = [
        expression.var,
        *(value for _, arguments in expression.filters for is_variable, value in arguments if is_variable),
    ]
    missing = [
        f"there is no variable {variable.var!s}; there are {', '.join(sorted(known))}"
        for variable in variables
        if isinstance(variable, Variable) and variable.lookups is not None and ".".join(variable.lookups) not in known
    ]
    used = {getattr(function, "_filter_name", "") for function, _ in expression.filters}
    return missing + [f"the filter {name} cannot be used here" for name in sorted(used - FILTERS)]

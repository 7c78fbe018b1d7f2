"""What ships can be sent in every language; what members and brands write is text, never markup, header or template."""

from typing import Any

import pytest
from django.template.defaultfilters import register

from tests.conftest import NOON, make_brand, make_member
from tests.users.conftest import Post, queue, text_of
from users.email_kinds import COMMON, VARIABLES, EmailKind
from users.models import Brand, EmailTemplate
from users.services.email_templates import (
    LONGEST_SUBJECT,
    PARTS,
    Composed,
    compose,
    faults_of,
    shipped_template,
)
from users.services.emails import LONGEST_NAME, queue_email, queue_email_to
from users.tasks import send_due_emails

LANGUAGES = ["en", "fr", "de", "it"]
IN_SUBJECT = {
    EmailKind.CODE: {"code", "brand"},
    EmailKind.REWARD: {"reward", "brand"},
    EmailKind.CREDIT_NOTICE: {"amount", "token", "brand"},
    EmailKind.EXCHANGE_REFUSED: {"points", "token", "brand"},
    EmailKind.PERSONALISATION_REJECTED: {"token"},
}
NOT_TOLD = {"campaign"}
MAY_BE_EMPTY = {"first_name", "website", "valid_until", "reason"}
MARKUP = "<b onclick=\"x\">Gold & 'Co'</b>"
ESCAPED = "&lt;b onclick=&quot;x&quot;&gt;Gold &amp; &#x27;Co&#x27;&lt;/b&gt;"
LONG = 10_000
every_kind_and_language = pytest.mark.parametrize(
    ("kind", "language"), [(kind, language) for kind in EmailKind for language in LANGUAGES]
)


def called(name: str) -> Brand:
    """A brand of that name."""
    brand = make_brand()
    brand.name = name
    brand.save()
    return brand


def words_of(brand: Brand, kind: str = "code", language: str = "en", **context: Any) -> Composed:
    """What an e-mail says that is filled in with the samples, but for what is given."""
    values = VARIABLES[kind] | context
    return compose(
        queue_email_to(recipient="a@example.org", brand=brand, kind=kind, context=values, language=language, at=NOON)
    )


@every_kind_and_language
def test_what_ships_has_no_fault(kind: str, language: str) -> None:
    parts = shipped_template(kind, language)

    assert [faults_of(kind, part) for part in parts] == [[], [], []]
    assert all(part.strip() for part in parts)


@every_kind_and_language
def test_what_ships_tells_all_there_is_to_tell(brand, kind: str, language: str) -> None:
    told = words_of(brand, kind, language)

    values = VARIABLES[kind] | {"brand": brand.name}
    for part, names in zip(PARTS, (IN_SUBJECT[kind], set(values) - NOT_TOLD, set(values) - NOT_TOLD), strict=True):
        assert [name for name in names if str(values[name]) not in getattr(told, part)] == []
    assert f'<html lang="{language}">' in told.html
    assert "\n" not in told.subject


@every_kind_and_language
def test_what_ships_can_do_without_what_may_be_empty(brand, kind: str, language: str) -> None:
    empty = dict.fromkeys(MAY_BE_EMPTY & set(VARIABLES[kind]), "")

    told = words_of(brand, kind, language, **empty)

    for text in (told.subject, told.text, told.html):
        assert [trace for trace in ("None", "{", "}", " ,", "  ") if trace in text] == []
        assert [name for name in empty if str(VARIABLES[kind][name]) in text] == []


@pytest.mark.parametrize("kind", list(EmailKind))
def test_what_ships_is_another_text_in_each_language(brand, kind: str) -> None:
    told = [words_of(brand, kind, language) for language in LANGUAGES]

    assert len({words.subject for words in told}) == len({words.text for words in told}) == len(LANGUAGES)


@pytest.mark.parametrize(("kind", "language"), [("code", "ja"), ("code", "../en"), ("code", ""), ("no_such_kind", "en")])
def test_nothing_else_ships(kind: str, language: str) -> None:
    assert shipped_template(kind, language) is None


def test_the_samples_cover_every_kind() -> None:
    assert set(VARIABLES) == set(EmailKind)
    assert all(not set(COMMON) & set(variables) for variables in VARIABLES.values())


@every_kind_and_language
def test_markup_in_a_value_is_text_in_the_page(db, kind: str, language: str) -> None:
    brand = called(MARKUP)
    context = dict.fromkeys(VARIABLES[kind], MARKUP)

    told = words_of(brand, kind, language, **context)

    assert "<b" not in told.html.replace("<body>", "")
    assert told.html.count(ESCAPED) >= len(set(context) - NOT_TOLD)
    assert MARKUP in told.text
    assert "&" in told.text
    assert "&lt;" not in told.text + told.subject


def test_what_a_brand_calls_its_token_is_text_in_the_page_that_arrives(brand, member, post: Post) -> None:
    queue(member, brand, token="<b>Gold & Co</b>")

    send_due_emails()

    assert "&lt;b&gt;Gold &amp; Co&lt;/b&gt;" in text_of(post.messages[0], "html")
    assert "<b>Gold & Co</b>" in text_of(post.messages[0])


def test_a_value_is_no_template(brand) -> None:
    wanted = "{{ code }}{% debug %}{% include 'email/en/code.txt' %}"

    told = words_of(brand, "reward", first_name=wanted, code="SECRET-1")

    assert wanted in told.text
    assert told.html.count("SECRET-1") == 1


def allowed_chains() -> list[str]:
    """Filters, alone and behind those that make escaped text, as far as a template may use them."""
    escaping = "escape force_escape escapeseq linebreaks linebreaksbr linenumbers urlize unordered_list json_script escapejs"
    chains = []
    for name in sorted(register.filters):
        for argument in ("", ":2", ":'<i>'"):
            chains += [f"{name}{argument}", *(f"{first}|{name}{argument}" for first in escaping.split())]
    return [chain for chain in chains if not faults_of("code", f"{{{{ code|{chain} }}}}")]


def test_no_filter_that_may_be_used_lets_markup_through(brand) -> None:
    """A brand's own literal is its own affair (<i>), what comes from a variable never is (<b>)."""
    template = EmailTemplate.objects.create(
        brand=brand, kind="code", language="en", subject="{{ code }}", text="{{ code }}", html="{{ code }}"
    )
    chains, seen = allowed_chains(), []
    row = queue_email_to(
        recipient="a@example.org",
        brand=brand,
        kind="code",
        context=VARIABLES["code"] | {"code": MARKUP},
        language="en",
        at=NOON,
    )

    for chain in chains:
        template.html = f"{{{{ code|{chain} }}}}"
        template.save()
        try:
            html = compose(row).html
        except Exception:  # noqa: BLE001 - what fails, in whatever way, is not sent
            continue
        seen += [chain] if "<b" in html.replace("<br>", "") else []

    assert seen == []
    assert len(chains) > 20


@pytest.mark.parametrize("evil", ["\r\n", "\n", "\r", "\r\n\t", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_a_line_break_in_a_name_makes_no_header(db, post: Post, evil: str) -> None:
    header = f"{evil}Bcc: everyone@example.org{evil}{evil}<p>a body of its own"
    brand = called(f"Brand{header}")
    member = make_member(brand, first_name=f"Ann{header}")
    queue(member, brand, token=f"Points{header}")

    assert send_due_emails() == 1

    (message,) = post.messages
    assert (message["Bcc"], post.recipients) == (None, [[member.email]])
    assert set(message.keys()) == {"Content-Type", "MIME-Version", "Subject", "From", "To", "Date", "Message-ID"}
    assert message["Subject"].startswith("123 Points Bcc: everyone@example.org")


@pytest.mark.parametrize("letter", ["x", "ü", "漢", "🦊"])
def test_a_long_subject_is_cut_and_arrives(brand, member, post: Post, letter: str) -> None:
    queue(member, brand, token=letter * LONG)

    assert send_due_emails() == 1

    subject = post.messages[0]["Subject"].strip()  # Python reads a blank into a header that begins on its second line
    assert subject == f"123 {letter * LONG}"[:LONGEST_SUBJECT]


@pytest.mark.parametrize("letter", ["x", "ü", "漢", "🦊", "<", ".\n", ". "])
def test_a_long_text_arrives_whole(brand, member, post: Post, letter: str) -> None:
    text = letter * LONG
    context = VARIABLES[EmailKind.PERSONALISATION_REJECTED] | {"reason": text}
    queue_email(member=member, brand=brand, kind=EmailKind.PERSONALISATION_REJECTED, context=context, at=NOON)

    assert send_due_emails() == 1

    (message,) = post.messages
    assert f"The reason: {text}" in text_of(message).replace("\r\n", "\n")
    assert text.replace("<", "&lt;") in text_of(message, "html").replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("first_name", "greeted"),
    [
        ("ü" * LONG, "ü" * LONGEST_NAME),
        ("<" * LONG, "<" * LONGEST_NAME),
        ("Ann\r\n\r\nVisit\tus \u2028 now", "Ann Visit us now"),
    ],
    ids=["long", "long markup", "lines"],
)
def test_a_member_is_greeted_in_one_line_that_no_name_can_fill(brand, post: Post, first_name: str, greeted: str) -> None:
    """A name is what a stranger may have typed; it must not become a letter of its own."""
    queue(make_member(brand, first_name=first_name), brand)

    send_due_emails()

    (message,) = post.messages
    assert text_of(message).splitlines()[0] == f"Hello {greeted},"
    assert f"<p>Hello {greeted.replace('<', '&lt;')},</p>" in text_of(message, "html")

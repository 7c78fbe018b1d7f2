"""Templates of e-mails are judged when they are saved, found by name and language, and filled in without a risk."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from tests.conftest import NOON, make_brand, make_member
from tests.users.conftest import Post, queue, text_of
from users.models import Brand, Email, EmailTemplate
from users.services.email_templates import Composed, compose, faults_of
from users.services.emails import queue_email_to
from users.tasks import send_due_emails

CODE = {"code": "719026461", "value": 100, "token": "Points", "campaign": "Summer", "valid_until": "2026-12-31"}


def write(brand: Brand, **terms: Any) -> EmailTemplate:
    """A brand's own template for codes, whose words tell which one it is."""
    told = f"{terms.get('name', '')} {terms.get('language', 'en')} {{{{ code }}}}"
    words = {"subject": f"{told} S", "text": f"{told} T", "html": f"<p>{told} H</p>"}
    return EmailTemplate.objects.create(**({"brand": brand, "kind": "code", "language": "en"} | words | terms))


def queue_code(brand: Brand, language: str = "en", template: str = "", **context: Any) -> Email:
    given = {"recipient": "guest@example.org", "brand": brand, "kind": "code", "language": language, "template": template}
    return queue_email_to(context=CODE | context, at=NOON, **given)


def words_of(brand: Brand, language: str = "en", template: str = "", **context: Any) -> Composed:
    """What the e-mail with a code says."""
    return compose(queue_code(brand, language, template, **context))


# --- judged when saved ---


@pytest.mark.parametrize(
    "source",
    [
        "",
        "plain words, 100 %, {a brace}, #hash",
        "{{ code }}{{code}} {{ brand }} {{ value }} {{ token }} {{ campaign }} {{ valid_until }}",
        "{{ code|upper }} {{ token|default:brand }} {{ token|lower|capfirst }} {{ valid_until|default:'no end' }}",
        "{% if valid_until %}until {{ valid_until }}{% endif %}",
        "{% if not valid_until %}for ever{% elif value >= 100 and value != 7 %}a lot{% else %}a bit{% endif %}",
        '{% if "two words" in campaign or campaign|lower == "summer" %}hot{% endif %}',
        "{% if value > 5 %}{% if code %}{{ code }}{% endif %}{% endif %}",
        "{# a remark about {{ missing }} #}",
        "{{ 'Zoë' }} {{ 5 }}",
        "<style>p{width:100%} @media print{p{width:50%}}</style>{{ code }}",
    ],
)
def test_a_template_of_known_variables_filters_and_conditions_is_fine(source: str) -> None:
    assert faults_of("code", source) == []


@pytest.mark.parametrize(
    "source",
    [
        "{{ missing }}",
        "{{missing}}",
        "{{ missing|upper }}",
        "{{ missing.length }}",
        "{{ code.missing }}",
        "{{ code|default:missing }}",
        "{{ code|default:brand|default:missing }}",
        "{% if missing %}{% endif %}",
        "{% if not missing %}{% endif %}",
        "{% if code and missing %}{% endif %}",
        "{% if missing == code %}{% endif %}",
        "{% if value >= missing %}{% endif %}",
        "{% if code in missing %}{% endif %}",
        "{% if code not in missing %}{% endif %}",
        "{% if code is not missing %}{% endif %}",
        "{% if missing|lower == code %}{% endif %}",
        "{% if code|default:missing == code %}{% endif %}",
        "{% if code %}{% elif missing %}{% endif %}",
        "{% if code %}{% else %}{{ missing }}{% endif %}",
        "{% if valid_until %}{% if code %}{{ missing }}{% endif %}{% endif %}",
        "{{ first_name }}",
        "{{ reason }}",
        "{{ settings }}",
        "{{ block.super }}",
    ],
)
def test_a_variable_that_the_kind_does_not_have_is_a_fault_wherever_it_stands(source: str) -> None:
    (fault,) = faults_of("code", source)

    assert fault.startswith("there is no variable ")
    assert fault.endswith("; there are brand, campaign, code, token, valid_until, value")


def test_each_kind_has_variables_of_its_own() -> None:
    assert faults_of("personalisation_rejected", "{{ first_name }} {{ reason }} {{ serial }}") == []
    assert len(faults_of("credit_notice", "{{ first_name }} {{ reason }} {{ serial }} {{ reason }}")) == 2


@pytest.mark.parametrize(
    "source",
    [
        "{% include 'email/en/code.txt' %}",
        "{% extends 'admin/base.html' %}",
        "{% load i18n %}",
        "{% load static from static %}",
        "{% autoescape off %}{{ code }}{% endautoescape %}",
        "{% filter force_escape %}{{ code }}{% endfilter %}",
        "{% debug %}",
        "{% for letter in code %}x{% endfor %}",
        "{% with code as again %}x{% endwith %}",
        "{% block words %}{% endblock %}",
        "{% comment %}x{% endcomment %}",
        "{% verbatim %}{{ missing }}{% endverbatim %}",
        "{% now 'Y' %}",
        "{% url 'admin:index' %}",
        "{% csrf_token %}",
        "{% ssi '/etc/passwd' %}",
        "{% firstof code brand %}",
        "{% lorem 100000 %}",
    ],
)
def test_a_tag_other_than_if_is_a_fault(source: str) -> None:
    assert faults_of("code", source)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("{{ code|safe }}", "safe"),
        ("{{ code|upper|safeseq }}", "safeseq"),
        ("{% if code|safe %}x{% endif %}", "safe"),
        ("{{ value|divisibleby:0 }}", "divisibleby"),
        ("{{ value|first }}", "first"),
        ("{{ code|wordwrap:brand }}", "wordwrap"),
        ("{{ code|ljust:999999999 }}", "ljust"),
    ],
)
def test_a_filter_that_turns_escaping_off_or_may_fail_or_never_end_is_a_fault(source: str, name: str) -> None:
    assert faults_of("code", source) == [f"the filter {name} cannot be used here"]


@pytest.mark.parametrize(
    "source",
    [
        "{% if code %}",
        "{% endif %}",
        "{% else %}",
        "{% if code and %}x{% endif %}",
        "{% if %}x{% endif %}",
        "{% if code %}{% else %}{% elif code %}{% endif %}",
        "{{ }}",
        "{% %}",
        "{{ code code }}",
        "{{ code|no_such_filter }}",
        "{{ code|cut }}",
        "{{ code|upper:1 }}",
        "{{ _code }}",
        "{{ code.__class__ }}",
    ],
)
def test_a_syntax_error_is_a_fault(source: str) -> None:
    assert len(faults_of("code", source)) == 1


@pytest.mark.parametrize("source", ["Your code: {{ code", "{{ code }", "{{ missing\n}}", "{% if code", "{{ code }} {{ mis"])
def test_a_brace_that_is_not_closed_is_a_fault(source: str) -> None:
    """Django takes it for text: the member would read it instead of the code."""
    assert faults_of("code", source)


@pytest.mark.parametrize("source", ["{% if value > code %}x{% elif code in value %}x{% endif %}", "{{ value|yesno:'a,b' }}"])
def test_what_django_makes_the_best_of_is_fine(source: str) -> None:
    """Comparing what cannot be compared is false to it."""
    assert faults_of("code", source) == []


@pytest.mark.parametrize(
    "source",
    ["{% if code %}" * 4_000 + "{% endif %}" * 4_000, "{% if " + "not " * 4_000 + "code %}{% endif %}"],
    ids=["conditions in conditions", "one long condition"],
)
def test_a_template_too_deep_to_be_read_is_a_fault(source: str) -> None:
    assert faults_of("code", source)


@pytest.mark.parametrize("part", ["subject", "text", "html"])
@pytest.mark.parametrize("source", ["{{ missing }}", "{% if code %}", "{% include 'x' %}", "{{ code|safe }}", ""])
def test_a_template_with_a_fault_is_never_saved(brand, part: str, source: str) -> None:
    fine = write(brand)

    with pytest.raises(ValidationError) as refused:
        write(brand, name="another", **{part: source})
    setattr(fine, part, source)
    with pytest.raises(ValidationError):
        fine.save()
    with pytest.raises(ValidationError):
        fine.full_clean()

    assert set(refused.value.message_dict) == {part}
    assert EmailTemplate.objects.get(brand=brand).text == " en {{ code }} T"


@pytest.mark.parametrize("language", ["ja", "", "de-CH", "english", "../fr", "xxxxxxxxx"])
def test_a_language_that_the_brand_does_not_speak_is_refused(brand, language: str) -> None:
    with pytest.raises(ValidationError) as refused:
        write(brand, language=language)

    assert set(refused.value.message_dict) == {"language"}
    assert not EmailTemplate.objects.filter(brand=brand).exists()


def test_a_kind_that_does_not_exist_is_refused(brand) -> None:
    with pytest.raises(ValidationError):
        write(brand, kind="no_such_kind", subject="words", text="words", html="words")


@pytest.mark.parametrize(
    ("part", "longest"), [("subject", 200), ("text", 20_000), ("html", 100_000)], ids=["subject", "text", "html"]
)
def test_each_part_has_its_longest_length(brand, part: str, longest: int) -> None:
    write(brand, **{part: "x" * longest})

    with pytest.raises(ValidationError) as refused:
        write(brand, name="longer", **{part: "x" * (longest + 1)})

    assert set(refused.value.message_dict) == {part}


# --- found by name and language ---


@pytest.mark.parametrize(
    ("templates", "wanted", "found"),
    [
        ([("", "fr"), ("", "en")], "fr", " fr 719026461"),
        ([("", "fr")], "fr-CH", " fr 719026461"),
        ([("", "fr")], "FR_ch", " fr 719026461"),
        (
            [("", "de")],
            "fr",
            "Votre code, de la part de",
        ),  # what ships in the wanted language goes before the brand's own words in another
        ([("", "de")], "ja", " de 719026461"),
        ([("", "de")], "it", "Il Suo codice da"),
        ([("summer", "fr"), ("", "fr")], "fr", " fr 719026461"),
    ],
)
def test_the_usual_template_is_found_by_language_the_brand_s_own_first(db, templates, wanted: str, found: str) -> None:
    brand = make_brand(languages=["de", "fr", "en"])
    for name, language in templates:
        write(brand, name=name, language=language)

    assert words_of(brand, wanted).subject.startswith(found.lstrip())


@pytest.mark.parametrize(
    ("templates", "wanted", "found"),
    [
        ([("summer", "fr"), ("", "fr")], "fr", "summer fr"),
        ([("summer", "de"), ("", "fr")], "fr", "summer de"),
        ([("summer", "en"), ("", "fr"), ("", "de")], "fr", "summer en"),
        ([("summer", "de"), ("summer", "en")], "fr", "summer de"),
        ([("summer", "fr"), ("", "de")], "de", "de"),  # French is none of the languages that were wanted
        ([("winter", "fr"), ("", "fr")], "fr", "fr"),
        ([("winter", "fr")], "fr", "Votre code, de la part de"),
    ],
)
def test_a_template_that_is_named_goes_before_the_usual_one_in_any_of_the_languages(
    db, templates, wanted: str, found: str
) -> None:
    brand = make_brand(languages=["de", "fr", "en"])
    for name, language in templates:
        write(brand, name=name, language=language)

    assert words_of(brand, wanted, "summer").subject.startswith(f"{found} ")


def test_templates_of_another_brand_or_kind_are_not_found(brand) -> None:
    write(make_brand())
    write(brand, kind="reward")

    assert words_of(brand).subject == f"Your code from {brand.name}: 719026461"


@pytest.mark.parametrize("language", ["xx", "", "-", "../../../etc", "..", "fr/../de", "de\n", "ja-Jpan-JP", "ドイツ語"])
def test_a_language_that_nobody_wrote_in_becomes_the_brand_s_first(db, language: str) -> None:
    brand = make_brand(languages=["it", "en"])

    assert words_of(brand, language).subject == f"Il Suo codice da {brand.name}: 719026461"


@pytest.mark.parametrize("wanted", ["ja", "xx", ""])
def test_where_the_brand_s_language_is_not_written_either_it_becomes_english(db, wanted: str) -> None:
    brand = make_brand(languages=["ja"])

    assert words_of(brand, wanted).subject == f"Your code from {brand.name}: 719026461"


@pytest.mark.parametrize(
    ("own", "of_brand", "written"),
    [
        ("fr", ["en", "fr"], "pour vous"),
        ("fr-CH", ["en", "fr"], "pour vous"),
        ("FR_ch", ["en", "fr"], "pour vous"),
        ("it", ["de", "fr"], "für Sie"),
        (None, ["de", "en"], "für Sie"),
        ("", ["fr"], "pour vous"),
        ("ja", ["ja"], "for you"),
        (None, ["ja", "de"], "for you"),
    ],
)
def test_a_member_s_language_is_their_own_then_the_brand_s_first_then_english(
    db, post: Post, own: str | None, of_brand: list[str], written: str
) -> None:
    brand = make_brand(languages=of_brand)
    queue(make_member(brand, language=own), brand)

    send_due_emails()

    assert written in post.messages[0]["Subject"]


def test_words_are_those_that_stand_when_it_is_sent(brand, member, post: Post) -> None:
    queue_code(brand)
    write(brand, text="{% if value > 50 %}A big one: {% endif %}{{ code|upper }}")

    send_due_emails()

    assert text_of(post.messages[0]).strip() == "A big one: 719026461"

"""Rules of segments: their shape, refusals that name the field, and the sentence that says them."""

import pytest

from loyalty.errors import InvalidRequest
from users.rules.segment_words import sentence
from users.rules.segments import Group, Rule, Tag, parse_rule, path_of

TAG = {"kind": "tag", "tag": "vip"}
GROUP = {"kind": "group", "match": "any", "conditions": [TAG, {"kind": "country", "countries": ["ch", "CH", "li"]}]}


def rule(*conditions, match: str = "all") -> Rule:
    return parse_rule({"match": match, "conditions": list(conditions)})


def test_a_rule_is_kept_in_one_form():
    parsed = rule(
        {"kind": "email_domain", "domains": ["@Example.COM", "example.com"]},
        {"kind": "language", "languages": ["de-CH"]},
        GROUP,
        {"kind": "registered_before", "day": "2026-01-31"},
    )

    assert parsed.content() == {
        "match": "all",
        "conditions": [
            {"kind": "email_domain", "domains": ["example.com"]},
            {"kind": "language", "languages": ["de"]},
            {"kind": "group", "match": "any", "conditions": [TAG, {"kind": "country", "countries": ["CH", "LI"]}]},
            {"kind": "registered_before", "day": "2026-01-31"},
        ],
    }
    assert parse_rule(parsed.content()) == parsed


POINTS = {"kind": "points_earned", "test": "at_least", "points": 100}


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ([], "rule"),
        ({"match": "all"}, "rule.conditions"),
        ({"match": "none", "conditions": [TAG]}, "rule.match"),
        ({"match": "all", "conditions": []}, "rule.conditions"),
        ({"match": "all", "conditions": [TAG], "else": 1}, "rule.else"),
        ({"match": "all", "conditions": [{"tag": "vip"}]}, "rule.conditions[0].kind"),
        ({"match": "all", "conditions": [{"kind": "shoe_size"}]}, "rule.conditions[0].kind"),
        ({"match": "all", "conditions": [TAG | {"more": 1}]}, "rule.conditions[0].more"),
        ({"match": "all", "conditions": [{"kind": "tag"}]}, "rule.conditions[0].tag"),
        ({"match": "all", "conditions": [{"kind": "tag", "tag": ""}]}, "rule.conditions[0].tag"),
        ({"match": "all", "conditions": [{"kind": "tag", "tag": "a\x00"}]}, "rule.conditions[0].tag"),
        ({"match": "all", "conditions": [POINTS | {"points": -1}]}, "rule.conditions[0].points"),
        ({"match": "all", "conditions": [POINTS | {"points": "100"}]}, "rule.conditions[0].points"),
        ({"match": "all", "conditions": [POINTS | {"test": "exactly"}]}, "rule.conditions[0].test"),
        ({"match": "all", "conditions": [POINTS | {"days": 0}]}, "rule.conditions[0].days"),
        ({"match": "all", "conditions": [{"kind": "registered_from", "day": "2026-02-30"}]}, "rule.conditions[0].day"),
        ({"match": "all", "conditions": [{"kind": "email_domain", "domains": ["nowhere"]}]}, "rule.conditions[0].domains[0]"),
        ({"match": "all", "conditions": [TAG, {"kind": "language", "languages": ["1"]}]}, "rule.conditions[1].languages[0]"),
        ({"match": "all", "conditions": [GROUP | {"conditions": [GROUP]}]}, "rule.conditions[0].conditions[0].kind"),
        ({"match": "all", "conditions": [GROUP | {"conditions": [TAG] * 30}, TAG]}, "rule.conditions"),
    ],
)
def test_what_is_no_rule_is_refused_by_name(value, field):
    with pytest.raises(InvalidRequest) as refusal:
        parse_rule(value)

    assert [error.field for error in refusal.value.errors] == [field]
    assert str(refusal.value).startswith(f"{field}: ")


def test_what_a_rule_names_can_be_asked_for():
    parsed = rule(
        GROUP | {"conditions": [{"kind": "segment", "segment_id": 7}, POINTS | {"token_id": 3}]},
        {"kind": "membership", "programme": "etihad"},
    )

    assert (parsed.segment_ids(), parsed.token_ids(), parsed.programmes()) == ({7}, {3}, {"etihad"})
    assert parsed.looks_at_ledger()
    assert not rule(TAG).looks_at_ledger()


def test_a_condition_can_be_named():
    parsed = rule(TAG, GROUP)
    group = parsed.conditions[1]
    assert isinstance(group, Group)

    assert path_of(parsed, parsed.conditions[0]) == "rule.conditions[0]"
    assert path_of(parsed, group.conditions[1]) == "rule.conditions[1].conditions[1]"
    with pytest.raises(ValueError, match="not of this rule"):
        path_of(parsed, Tag("vip"))


def test_a_rule_is_said_in_a_sentence():
    parsed = rule(
        {"kind": "points_earned", "test": "at_least", "points": 1500, "days": 30, "token_id": 3},
        GROUP,
        {"kind": "registered_from", "day": "2026-01-31"},
        {"kind": "segment", "segment_id": 7},
        {"kind": "points_spent", "test": "at_most", "points": 0},
    )
    names = {("token", 3): "Beans", ("segment", 7): "Press"}

    said = sentence(parsed, names=names, day=lambda day: f"{day:%d.%m.%Y}")

    assert said == (
        "Members for whom this holds: they earned at least 1,500 Beans in the last 30 days and "
        "(they hold the tag “vip” or their country is CH or LI) and they registered on 31.01.2026 or later and "
        "they are in the segment “Press” and they spent at most 0 points of the programme in all."
    )


@pytest.mark.parametrize(
    "condition",
    [
        {"kind": "email_domain", "domains": ["example.com"]},
        {"kind": "language", "languages": ["de"]},
        {"kind": "metadata_equals", "key": "shop", "value": "Bern 100 %"},
        {"kind": "metadata_contains", "key": "shop", "value": "Bern"},
        {"kind": "metadata_exists", "key": "shop"},
        {"kind": "registered_before", "day": "2026-01-31"},
        {"kind": "registered_within", "days": 7},
        {"kind": "active_within", "days": 7},
        {"kind": "inactive_for", "days": 7},
        {"kind": "membership", "programme": "etihad"},
        *(
            {"kind": kind, "test": test, "points": 5, "days": days}
            for kind in ("points_earned", "points_spent")
            for test in ("at_least", "at_most")
            for days in (None, 7)
        ),
    ],
    ids=lambda condition: condition["kind"],
)
def test_every_condition_has_its_words(condition):
    parsed = rule(condition, match="any")

    said = sentence(parsed)

    values = [value for name, value in condition.items() if name not in {"kind", "test"} and value is not None]
    assert all(str(value if not isinstance(value, list) else value[0]) in said for value in values)


def test_a_text_is_said_in_another_language():
    said = sentence(rule(TAG, match="any"), say=lambda text: {"they hold the tag “%(tag)s”": "Tag %(tag)s"}.get(text, text))

    assert said == "Members for whom this holds: Tag vip."

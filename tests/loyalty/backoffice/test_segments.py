"""Segments in the back office: made by hand and by rows of conditions, tried out, filled by hand and by file."""

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from ledger.models import Token
from loyalty.admin import segment_members
from rewards.services import segment_rules
from tests.conftest import make_brand, make_member
from tests.loyalty.desk import make_staff, page_of, signed_in, words
from tests.segments import VIP, by_hand, by_rule, inside, judge, put, rule_of
from users.models import AuditEntry, Member, Segment, Staff

TAGGED = {"metadata": {"tags": ["vip"]}}


def someone(brand, role: str = "Brand manager") -> Staff:
    staff = make_staff(username=f"{role} of {brand.pk}", brand=brand)
    staff.groups.add(Group.objects.get(name=role))
    return staff


@pytest.fixture
def client(brand) -> Client:
    return signed_in(someone(brand))


def page(name: str, segment: Segment | None = None) -> str:
    return reverse(f"admin:users_segment_{name}", args=[segment.pk] if segment else [])


def rows(*conditions: dict, **fields) -> dict[str, object]:
    """A form of rows, as it is sent."""
    form = {"condition-TOTAL_FORMS": len(conditions), "condition-INITIAL_FORMS": 0, "match": "all", "name": "New"} | fields
    return form | {f"condition-{at}-{name}": value for at, row in enumerate(conditions) for name, value in row.items()}


def entry(segment: Segment) -> AuditEntry:
    of_row = AuditEntry.objects.filter(subject_model="users.segment", subject_id=str(segment.pk))
    return of_row.exclude(kind="refused").latest("pk")


# --- by hand ---


def test_a_segment_is_made_by_hand_and_renamed(client, brand):
    client.post(page("add"), {"name": "VIP", "description": "Invited"})
    segment = Segment.objects.get(brand=brand)
    assert (segment.name, segment.kind, entry(segment).kind) == ("VIP", "hand", "add")

    client.post(page("rename", segment), {"name": "Gold", "description": ""})

    assert Segment.objects.get(brand=brand).name == "Gold"
    assert entry(segment).after["name"] == "Gold"


def test_a_name_that_is_taken_is_said_at_its_field(client, brand):
    by_hand(brand, "VIP")

    answer = client.post(page("add"), {"name": "VIP"})

    assert answer.status_code == 200
    assert "another segment of this brand has it" in answer.context["form"].errors["name"][0]


def test_members_are_added_and_who_is_unknown_is_named(client, brand):
    segment, one, two = by_hand(brand), make_member(brand), make_member(brand)

    answer = client.post(page("add_members", segment), {"member_ids": f"{one.auth_id}\n\n nobody \n{two.auth_id}"}, follow=True)

    assert inside(segment) == {one.pk, two.pk}
    assert "2 members were added." in words(answer)
    assert "Nobody is called: nobody" in words(answer)
    assert one.auth_id not in str(entry(segment).after)


def test_members_are_listed_page_by_page_and_taken_out(client, brand, monkeypatch):
    monkeypatch.setattr(segment_members, "PAGE", 2)
    segment, members = by_hand(brand), [make_member(brand) for _ in range(3)]
    put(segment, *members)

    first = client.get(page("members", segment))
    second = client.get(page("members", segment) + first.context["next"])
    back = client.get(page("members", segment) + second.context["previous"])

    told = [[member for member, _ in answer.context["rows"]] for answer in (first, second, back)]
    assert told == [members[:2], members[2:], members[:2]]
    assert client.get(page("members", segment) + "?older=x").status_code == 404
    gone = [client.post(page("remove", segment), {"member": members[0].public_id}, follow=True) for _ in range(2)]
    assert ["taken out" in words(answer) for answer in gone] == [True, False]
    assert inside(segment) == {members[1].pk, members[2].pk}
    assert entry(segment).before == {"member": members[0].pk}


def test_who_may_not_look_at_members_is_not_shown_them(brand):
    segment = by_hand(brand)
    agent, manager = (signed_in(someone(brand, role)) for role in ("Service agent", "Campaign manager"))

    assert [one.get(page("members", segment)).status_code for one in (agent, manager)] == [200, 403]
    assert [one.get(page("import", segment)).status_code for one in (agent, manager)] == [200, 200]
    assert [one.get(page("by_rule")).status_code for one in (agent, manager)] == [403, 200]


# --- by file ---


def look(client: Client, segment: Segment, content: bytes):
    return client.post(page("import", segment), {"file": SimpleUploadedFile("vip.csv", content)})


def test_a_file_is_looked_at_then_taken_once(client, brand):
    segment, one, two = by_hand(brand), make_member(brand), make_member(brand)
    put(segment, two)
    lines = ["member_id", one.auth_id, two.auth_id, "nobody"]

    preview = look(client, segment, "\r\n".join(lines).encode())
    before = inside(segment)
    taken = [client.post(page("import", segment), {"draft": preview.context["draft"].pk}, follow=True) for _ in range(2)]

    counts = [preview.context[f"{name}_count"] for name in ("new", "already", "fault")]
    assert (counts, before) == ([1, 1, 1], {two.pk})
    assert "there is no such member" in words(preview)
    assert inside(segment) == {one.pk, two.pk}
    assert "1 member was added." in words(taken[0])
    assert "upload it again" in words(taken[1])
    assert entry(segment).after == {"imported": 1}


@pytest.mark.parametrize("content", [b"", b"caf\xe9", b"x" * (5 * 2**20 + 1)])
def test_what_is_no_file_of_ids_is_refused(client, brand, content):
    answer = look(client, by_hand(brand), content)

    assert answer.context["form"].errors["file"]


def test_a_segment_by_rule_takes_neither_hands_nor_files(client, brand):
    segment = by_rule(brand)

    for name, sent in (("add_members", {"member_ids": "x"}), ("import", {}), ("remove", {"member": "x"})):
        assert client.post(page(name, segment), sent).url == page_of(Segment, "change", segment.pk)
    assert client.get(page("rule", by_hand(brand))).status_code == 302


# --- by rule ---


def test_a_rule_is_put_together_tried_out_and_kept(client, brand, token):
    fits = make_member(brand, language="de", country_iso="CH", **TAGGED)
    make_member(brand, language="de", country_iso="CH")
    sent = rows(
        {"kind": "tag", "value": "vip"},
        {"kind": ""},
        {"kind": "language", "words": "de, fr"},
        {"kind": "country", "words": "LI", "joined": "on"},
        {"kind": "points_earned", "test": "at_most", "points": "0", "token_id": token.pk},
    )

    tried = client.post(page("by_rule"), sent | {"count": "1"})
    assert not Segment.objects.filter(brand=brand).exists()
    saved = client.post(page("by_rule"), sent | {"save": "1"})

    assert tried.context["count"] == 1
    assert tried.context["sentence"] == (
        "Members for whom this holds: they hold the tag “vip” and (their language is de or fr or their country is LI) "
        "and they earned at most 0 Points in all."
    )
    segment = Segment.objects.get(brand=brand)
    assert saved.url == page_of(Segment, "change", segment.pk)
    languages = {"kind": "language", "languages": ["de", "fr"]}
    points = {"kind": "points_earned", "test": "at_most", "points": 0, "days": None, "token_id": token.pk}
    group = {"kind": "group", "match": "any", "conditions": [languages, {"kind": "country", "countries": ["LI"]}]}
    assert segment.rule == rule_of(VIP, group, points)
    assert entry(segment).after["rule"] == segment.rule
    judge(segment)
    assert inside(segment) == {fits.pk}
    assert "they hold the tag “vip”" in words(client.get(page_of(Segment, "change", segment.pk)))


@pytest.mark.parametrize(
    ("row", "condition"),
    [
        ({"kind": "email_domain", "words": "a.ch,, b.ch"}, {"kind": "email_domain", "domains": ["a.ch", "b.ch"]}),
        ({"kind": "metadata_equals", "key": "k", "value": "v"}, {"kind": "metadata_equals", "key": "k", "value": "v"}),
        ({"kind": "metadata_contains", "key": "k", "value": "v"}, {"kind": "metadata_contains", "key": "k", "value": "v"}),
        ({"kind": "metadata_exists", "key": "k", "value": "no"}, {"kind": "metadata_exists", "key": "k"}),
        ({"kind": "registered_before", "day": "2026-06-01"}, {"kind": "registered_before", "day": "2026-06-01"}),
        ({"kind": "registered_from", "day": "2026-06-01"}, {"kind": "registered_from", "day": "2026-06-01"}),
        ({"kind": "registered_within", "days": "7"}, {"kind": "registered_within", "days": 7}),
        (
            {"kind": "points_spent", "test": "at_least", "points": "5", "days": "7"},
            {"kind": "points_spent", "test": "at_least", "points": 5, "days": 7, "token_id": None},
        ),
        ({"kind": "active_within", "days": "7"}, {"kind": "active_within", "days": 7}),
        ({"kind": "inactive_for", "days": "7"}, {"kind": "inactive_for", "days": 7}),
        ({"kind": "membership", "programme": "etihad"}, {"kind": "membership", "programme": "etihad"}),
    ],
    ids=lambda value: value["kind"],
)
def test_each_row_makes_its_condition_and_is_shown_again(client, brand, row, condition):
    client.post(page("by_rule"), rows(row, match="any") | {"save": "1"})

    segment = Segment.objects.get(brand=brand)
    assert segment.rule == rule_of(condition, match="any")
    shown = client.get(page("rule", segment)).context["rows"].forms[0].initial
    sent = {name: value for name, value in row.items() if (name, value) != ("value", "no")}
    assert {name: str(shown[name]) for name in sent} | {"words": ""} == {**sent, "words": ""}
    again = client.post(
        page("rule", segment), rows({**shown, "day": row.get("day", "")} if "day" in row else row, match="any") | {"save": "1"}
    )
    assert again.status_code == 302
    assert Segment.objects.get(brand=brand).rule == segment.rule


def test_another_segment_can_be_chosen_and_none_of_another_brand(client, brand):
    press, ruled, foreign = by_hand(brand, "Press"), by_rule(brand), by_hand(make_brand(), "Foreign")

    offered = dict(client.get(page("by_rule")).context["rows"].forms[0].fields["segment_id"].choices)
    client.post(page("by_rule"), rows({"kind": "segment", "segment_id": press.pk}) | {"save": "1"})
    refused = client.post(page("by_rule"), rows({"kind": "segment", "segment_id": foreign.pk}, name="x") | {"save": "1"})

    assert str(press.pk) in offered
    assert {str(ruled.pk), str(foreign.pk)} & set(offered) == set()
    assert Segment.objects.get(brand=brand, name="New").rule == rule_of({"kind": "segment", "segment_id": press.pk})
    assert refused.context["rows"].forms[0].errors["segment_id"]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"kind": "tag"}, "value"),
        ({"kind": "language", "words": "123"}, "words"),
        ({"kind": "email_domain", "words": "nowhere"}, "words"),
        ({"kind": "points_earned", "test": "at_least", "points": "-1"}, "points"),
        ({"kind": "points_earned", "points": "1"}, "test"),
        ({"kind": "active_within", "days": "0"}, "days"),
        ({"kind": "registered_before", "day": "x"}, "day"),
    ],
)
def test_what_is_wrong_is_said_in_its_row(client, brand, row, field):
    answer = client.post(page("by_rule"), rows({"kind": "tag", "value": "vip"}, row) | {"save": "1"})

    assert answer.status_code == 200
    assert list(answer.context["rows"].forms[1].errors) == [field]
    assert not Segment.objects.filter(brand=brand).exists()


def test_a_rule_without_a_condition_is_none(client, brand):
    answer = client.post(page("by_rule"), rows({"kind": ""}) | {"save": "1"})

    assert "at least one row" in words(answer)
    assert not Segment.objects.filter(brand=brand).exists()


def test_a_row_is_added_without_scripts(client):
    answer = client.post(page("by_rule"), rows({"kind": "tag", "value": "vip"}) | {"add": "1"})

    assert len(answer.context["rows"].forms) == 2
    assert "sentence" not in answer.context


def test_a_rule_is_changed_and_judged_anew(client, brand):
    segment = by_rule(brand)
    judge(segment)

    client.post(page("rule", segment), rows({"kind": "country", "words": "ch"}, name="Swiss") | {"save": "1"})

    changed = Segment.objects.get(pk=segment.pk)
    assert (changed.name, changed.judged_at) == ("Swiss", None)
    assert changed.rule == rule_of({"kind": "country", "countries": ["CH"]})
    assert (entry(segment).before["rule"], entry(segment).after["rule"]) == (segment.rule, changed.rule)
    assert "being judged" in words(client.get(page_of(Segment, "changelist")))


def test_a_count_that_takes_too_long_says_so(client, monkeypatch):
    def slow(**_):
        raise segment_rules.SegmentCountTooSlow

    monkeypatch.setattr("loyalty.admin.segment_rule.count_members", slow)

    answer = client.post(page("by_rule"), rows({"kind": "tag", "value": "vip"}) | {"count": "1"})

    assert "Counting takes too long" in words(answer)


def test_the_house_says_for_which_brand(brand):
    house = signed_in(make_staff(username="house", is_superuser=True))
    sent = rows({"kind": "tag", "value": "vip"}, brand=brand.pk)

    house.post(page("by_rule"), sent | {"save": "1"})

    assert Segment.objects.get(brand=brand).rule == rule_of(VIP)
    foreign = Token.objects.create(brand=make_brand(), name="x", symbol="x")
    row = {"kind": "points_earned", "test": "at_least", "points": "1", "token_id": foreign.pk}
    answer = house.post(page("by_rule"), rows(row, brand=brand.pk, name="x") | {"save": "1"})
    assert answer.context["rows"].forms[0].errors["token_id"] == ["the brand has no such token"]


def test_a_members_page_names_their_segments(client, brand, member):
    press = by_hand(brand, "Press")
    put(press, member)
    by_hand(brand, "Others")

    shown = words(client.get(page_of(Member, "change", member.pk)))

    assert "Segments Press" in shown
    assert "Others" not in shown

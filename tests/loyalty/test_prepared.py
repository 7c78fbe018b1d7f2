"""Rows that are read past Django's query compiler are the same objects."""

from datetime import UTC, datetime

import pytest

from loyalty.database import load_prepared, load_with
from tests.rewards.acting import make_action
from users.models import Member

NAMED = "WHERE r.brand_id = %s::bigint AND r.auth_id = %s::text"


@pytest.fixture
def told(member):
    Member.objects.filter(pk=member.pk).update(
        metadata={"tags": ["vip", 1.5, None], "text": '"quoted"'}, created_at=datetime(2026, 3, 1, 12, 0, 0, 5, UTC), consent=0
    )
    return Member.objects.get(pk=member.pk)


def fields_of(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_a_row_has_every_field_as_django_reads_it(told):
    found = load_prepared(Member, NAMED, [told.brand_id, told.auth_id])

    assert found == told
    assert fields_of(found) == fields_of(told)
    assert found.created_at.utcoffset() == told.created_at.utcoffset()
    assert found._state.db == told._state.db
    assert not found._state.adding


def test_what_was_read_can_be_saved(told):
    found = load_prepared(Member, NAMED, [told.brand_id, told.auth_id])
    found.first_name = "Ann"

    found.save()

    assert Member.objects.get(pk=told.pk).metadata == told.metadata
    assert Member.objects.get(pk=told.pk).first_name == "Ann"


def test_conditions_of_an_action_are_read_as_django_reads_them(token):
    conditions = [{"property": "category", "is": "in", "value": ["coffee", "tea"]}]
    action = make_action(token, tag="drink", conditions=conditions)

    found, (sum_,) = load_with(type(action), ["r.points + 1"], "WHERE r.id = %s::bigint", [action.pk])

    assert found.conditions == conditions
    assert sum_ == action.points + 1


def test_nothing_found_is_none(told):
    assert load_prepared(Member, NAMED, [told.brand_id, "nobody"]) is None

"""Everything that is kept about a member, as one JSON document that is written while it is read.

Each room adds the sections that it keeps; a section is read row by row, so that memory stays flat however much there is.
Left out are hashes and digests, which tell nothing of a person, and who of the staff looked at what (the audit).
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import BinaryField, QuerySet

from users.models import (
    Approval,
    ConsentChange,
    Email,
    Member,
    MemberChange,
    Membership,
    Refusal,
    SegmentMember,
    WebhookDelivery,
)

Family = list[Member]
Read = Callable[[Family], Iterable[dict[str, Any]]]
ROWS_AT_A_TIME = 500
_sections: dict[str, Read] = {}


def add_section(name: str, read: Read) -> None:
    """Have a section in every export; `read` is given the member and the duplicates merged into them."""
    _sections[name] = read


def export_member(*, member: Member, at: datetime) -> Iterator[str]:
    """The export, piece by piece: `about`, then each section as a list of rows."""
    family = [member, *Member.objects.filter(brand_id=member.brand_id, merged_into=member).order_by("pk")]
    about = {"brand": member.brand.name, "member": member.public_id, "exported_at": at}
    yield f'{{"about": {_json(about)}'
    for name, read in _sections.items():
        yield f',\n"{name}": ['
        between = "\n"
        for row in read(family):
            yield between + _json(row)
            between = ",\n"
        yield "]"
    yield "}\n"


def rows_of(rows: QuerySet[Any], *, without: Collection[str] = (), **names: str) -> Iterator[dict[str, Any]]:
    """The rows of a table as they are told: each field but binary ones and those named, and `names` of other tables."""
    fields = [field for field in rows.model._meta.concrete_fields if not isinstance(field, BinaryField)]  # noqa: SLF001
    told = [field.attname for field in fields if field.name not in without and field.name != "brand"]
    for values in rows.values_list(*told, *names.values()).iterator(chunk_size=ROWS_AT_A_TIME):
        yield dict(zip([*told, *names], values, strict=True))


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)


add_section("profile", lambda family: rows_of(Member.objects.filter(pk__in=[one.pk for one in family]).order_by("pk")))
add_section(
    "memberships",
    lambda family: rows_of(
        Membership.objects.filter(member__in=family).order_by("pk"),
        programme_name="programme__name",
        brand_name="partner_brand__name",
    ),
)


def _emails(family: Family) -> Iterator[dict[str, Any]]:
    """To the member, and to their address without naming them."""
    yield from rows_of(Email.objects.filter(member__in=family).order_by("pk"))
    for address in {one.email.upper() for one in family if one.email}:
        unnamed = Email.objects.filter(brand_id=family[0].brand_id, member__isnull=True, recipient__iexact=address)
        yield from rows_of(unnamed.order_by("pk"))


add_section("emails", _emails)
add_section("webhooks", lambda family: rows_of(WebhookDelivery.objects.filter(member__in=family).order_by("pk")))
add_section("refusals", lambda family: rows_of(Refusal.objects.filter(member__in=family).order_by("pk")))
add_section(
    "approvals",
    lambda family: rows_of(
        Approval.objects.filter(member__in=family).order_by("pk"), without=("asked_by", "decided_by", "asked")
    ),
)
add_section(
    "segments",
    lambda family: rows_of(SegmentMember.objects.filter(member__in=family).order_by("pk"), segment_name="segment__name"),
)
add_section("consent", lambda family: rows_of(ConsentChange.objects.filter(member__in=family).order_by("pk")))
add_section("changes", lambda family: rows_of(MemberChange.objects.filter(member__in=family).order_by("pk")))

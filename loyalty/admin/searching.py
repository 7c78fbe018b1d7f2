"""What one may ask the ledger's explorer for: its filters, and the search that they make."""

import re
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter, TextFilter
from unfold.contrib.filters.forms import SearchForm
from unfold.widgets import UnfoldAdminTextInputWidget

from ledger.models import Token, TransactionType
from ledger.selectors.search import Search
from loyalty.admin.base import choices_of, staff_of

HASH = re.compile(r"(?:0x)?([0-9a-fA-F]{64})")
MOST_TOKENS = 200
SIGNS = [("1", _("Credits")), ("-1", _("Debits"))]
HIGHEST_ID = 2**63 - 1


class SearchTerms(forms.Form):
    """The address of the explorer, judged."""

    q = forms.CharField(required=False, max_length=255)
    member = forms.CharField(required=False, max_length=255)
    account = forms.IntegerField(required=False, min_value=0, max_value=HIGHEST_ID)
    token = forms.IntegerField(required=False, min_value=0, max_value=HIGHEST_ID)
    type = forms.ChoiceField(required=False, choices=TransactionType.choices)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)
    sign = forms.ChoiceField(required=False, choices=SIGNS)
    reference = forms.CharField(required=False, max_length=255)
    hash = forms.RegexField(required=False, regex=rf"^{HASH.pattern}$", error_messages={"invalid": _("64 hexadecimal digits.")})
    actor = forms.CharField(required=False, max_length=60)


def read_terms(request: HttpRequest) -> SearchTerms:
    """What the address asks for."""
    return SearchTerms(request.GET)


def search_of(request: HttpRequest, terms: SearchTerms) -> Search:
    """The search for what the address asks for, behind the wall of the brand. The terms are valid."""
    asked = terms.cleaned_data
    zone = zone_of(request)
    words = asked["q"].strip().strip('"')
    found = HASH.fullmatch(asked["hash"] or words)
    return Search(
        brand_id=staff_of(request).brand_id,
        auth_id=asked["member"],
        account_id=asked["account"],
        token_id=asked["token"],
        type=asked["type"],
        from_time=_midnight(asked["since"], zone),
        to_time=_midnight(asked["until"], zone, days=1),
        sign=int(asked["sign"] or 0),
        reference_id=asked["reference"] or ("" if found else words),
        hash=bytes.fromhex(found[1]) if found else b"",
        actor=asked["actor"],
    )


def zone_of(request: HttpRequest) -> ZoneInfo:
    """Where the days of whoever is signed in begin."""
    brand = staff_of(request).brand
    return brand.zone if brand is not None else ZoneInfo(timezone.get_current_timezone_name())


def _midnight(day: date | None, zone: ZoneInfo, *, days: int = 0) -> datetime | None:
    if day is None:
        return None
    try:
        return datetime.combine(day + timedelta(days=days), datetime.min.time(), tzinfo=zone).astimezone(ZoneInfo("UTC"))
    except OverflowError:
        return None


class Asked:
    """A filter that the explorer's search reads for itself."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Leave the rows as they are."""
        return queryset


class DateForm(SearchForm):
    """Asks for a day."""

    def __init__(self, name: str, label: str, *arguments: Any, **terms: Any) -> None:
        super().__init__(name, label, *arguments, **terms)
        self.fields[name].widget = UnfoldAdminTextInputWidget({"type": "date"})


class MemberFilter(Asked, TextFilter):
    """One member's."""

    title, parameter_name = _("member (auth_id)"), "member"


class TokenFilter(Asked, DropdownFilter):
    """One token's."""

    title, parameter_name = _("token"), "token"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The tokens of one's own brand."""
        return [(str(token.pk), str(token)) for token in choices_of(Token, request).order_by("pk")[:MOST_TOKENS]]


class TypeFilter(Asked, DropdownFilter):
    """Of one type."""

    title, parameter_name = _("type"), "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """All types."""
        return TransactionType.choices


class SinceFilter(Asked, TextFilter):
    """From a day on."""

    title, parameter_name, form_class = _("first day"), "since", DateForm


class UntilFilter(Asked, TextFilter):
    """Up to the end of a day."""

    title, parameter_name, form_class = _("last day"), "until", DateForm


class SignFilter(Asked, DropdownFilter):
    """What came or what went."""

    title, parameter_name = _("sign"), "sign"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Credits or debits."""
        return SIGNS


class ReferenceFilter(Asked, TextFilter):
    """The one with a reference."""

    title, parameter_name = _("reference"), "reference"


class HashFilter(Asked, TextFilter):
    """The one with a hash."""

    title, parameter_name = _("hash (tx_hash)"), "hash"


class ActorFilter(Asked, TextFilter):
    """What one key or one of the staff asked for."""

    title, parameter_name = _("actor (staff:7, key:7, system)"), "actor"


class AccountFilter(Asked, TextFilter):
    """One account's."""

    title, parameter_name = _("account"), "account"


FILTERS = [
    MemberFilter,
    TokenFilter,
    TypeFilter,
    SinceFilter,
    UntilFilter,
    SignFilter,
    ReferenceFilter,
    HashFilter,
    ActorFilter,
    AccountFilter,
]

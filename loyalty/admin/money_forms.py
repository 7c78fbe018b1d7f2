"""The forms by which staff move points by hand. Each carries a name of its own: sent twice, it does what it says once."""

import secrets
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from ledger.models import Account, Lot, Token
from users.services.approvals import LONGEST_REASON


def new_name() -> str:
    """A name that no other form has."""
    return secrets.token_hex(16)


class DayWidget(UnfoldAdminTextInputWidget):
    """The browser's own choice of a day."""

    input_type = "date"


class HandForm(forms.Form):
    """Why, and the form's own name."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=LONGEST_REASON,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("It is kept with what is done, and shown to who approves."),
    )
    form = forms.CharField(max_length=50, widget=forms.HiddenInput, initial=new_name)


class MovementForm(HandForm):
    """So many points of a token."""

    field_order = ["token", "amount"]
    token = forms.TypedChoiceField(label=_("Token"), coerce=int, widget=UnfoldAdminSelectWidget)
    amount = forms.IntegerField(label=_("Points"), min_value=1, widget=UnfoldAdminIntegerFieldWidget)

    def __init__(self, *arguments: Any, tokens: Sequence[Token], **terms: Any) -> None:
        super().__init__(*arguments, **terms)
        self.fields["token"].choices = [(token.pk, str(token)) for token in tokens]  # type: ignore[attr-defined]


class ReversalForm(HandForm):
    """So many points of what is left of a transaction."""

    field_order = ["amount"]
    amount = forms.IntegerField(label=_("Points to reverse"), min_value=1, widget=UnfoldAdminIntegerFieldWidget)


class ExtensionForm(HandForm):
    """Lots of one account, and the last day on which their points can be used."""

    field_order = ["lots", "last_day"]
    lots = forms.TypedMultipleChoiceField(
        label=_("Points to extend"), coerce=int, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    last_day = forms.DateField(label=_("Usable until the end of"), widget=DayWidget, input_formats=["%Y-%m-%d"])

    def __init__(self, *arguments: Any, account: Account, lots: Sequence[Lot], zone: ZoneInfo, **terms: Any) -> None:
        super().__init__(*arguments, **terms)
        self.account, self.zone = account, zone
        self.fields["lots"].choices = [  # type: ignore[attr-defined]
            (
                lot.sequence,
                _("%(points)d points, until %(instant)s")
                % {"points": lot.remaining, "instant": account.brand.local_text(lot.expires_at)},
            )
            for lot in lots
        ]

    def expires_at(self) -> datetime:
        """The first instant at which they are gone: the next midnight in the brand's time zone."""
        next_day = self.cleaned_data["last_day"] + timedelta(days=1)
        return datetime.combine(next_day, time(), tzinfo=self.zone)

    def clean_last_day(self) -> Any:
        """Refuse the end of all time."""
        day = self.cleaned_data["last_day"]
        if day.year >= 9000:
            raise forms.ValidationError(_("A day before the year 9000."))
        return day


class SettlementForm(HandForm):
    """What the partner says that it credited."""

    field_order = ["credited"]
    credited = forms.IntegerField(
        label=_("Units credited, where fewer than asked for"),
        min_value=1,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("Empty: all of them. The points of the rest come back to the member."),
    )

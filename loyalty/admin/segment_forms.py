"""What pages of segments ask for: a name, members, a file, and a rule as rows of conditions."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from ledger.models import Token
from loyalty.admin.base import choices_of
from loyalty.admin.integrations import BrandedForm
from loyalty.admin.verbs import VerbForm
from loyalty.errors import LoyaltyError
from users.models import PartnerProgramme, Segment, SegmentKind
from users.rules.segments import LONGEST_DAYS, MOST_CONDITIONS, MOST_POINTS, Group, Leaf, Rule
from users.services.segments import LONGEST_DESCRIPTION, LONGEST_NAME, MOST_AT_ONCE

FIELDS_OF: dict[str, tuple[str, ...]] = {
    "email_domain": ("words",),
    "language": ("words",),
    "country": ("words",),
    "tag": ("value",),
    "metadata_equals": ("key", "value"),
    "metadata_contains": ("key", "value"),
    "metadata_exists": ("key",),
    "registered_before": ("day",),
    "registered_from": ("day",),
    "registered_within": ("days",),
    "points_earned": ("test", "points", "token_id", "days"),
    "points_spent": ("test", "points", "token_id", "days"),
    "active_within": ("days",),
    "inactive_for": ("days",),
    "membership": ("programme",),
    "segment": ("segment_id",),
}
"""Which fields of a row each kind of condition takes; the page shows those."""
OPTIONAL = {("points_earned", "days"), ("points_spent", "days"), ("points_earned", "token_id"), ("points_spent", "token_id")}
WORDS = {"email_domain": "domains", "language": "languages", "country": "countries"}
KINDS: list[tuple[Any, Any]] = [
    ("", _("Choose what to look at")),
    (
        _("Profile"),
        [
            ("email_domain", _("E-mail address is at")),
            ("language", _("Language is")),
            ("country", _("Country is")),
            ("tag", _("Holds the tag")),
            ("metadata_equals", _("Further data: is exactly")),
            ("metadata_contains", _("Further data: contains")),
            ("metadata_exists", _("Further data: is there")),
        ],
    ),
    (
        _("Registration"),
        [
            ("registered_before", _("Registered before")),
            ("registered_from", _("Registered on or after")),
            ("registered_within", _("Registered within the last days")),
        ],
    ),
    (
        _("Points"),
        [
            ("points_earned", _("Points earned")),
            ("points_spent", _("Points spent")),
            ("active_within", _("Earned or spent within the last days")),
            ("inactive_for", _("Neither earned nor spent for days")),
        ],
    ),
    (
        _("Belongs to"),
        [
            ("membership", _("Has a membership in")),
            ("segment", _("Is in the segment")),
        ],
    ),
]
MATCHES = [("all", _("all of them")), ("any", _("any of them"))]
TESTS = [("at_least", _("at least")), ("at_most", _("at most"))]
MOST_BYTES = 5 * 2**20


class NameForm(VerbForm):
    """What a segment is called."""

    name = forms.CharField(label=_("Name"), max_length=LONGEST_NAME, widget=UnfoldAdminTextInputWidget)
    description = forms.CharField(
        label=_("Description"), required=False, max_length=LONGEST_DESCRIPTION, widget=UnfoldAdminTextareaWidget({"rows": 2})
    )


class NewForm(NameForm, BrandedForm):
    """A segment that is kept by hand."""

    field_order: tuple[str, ...] = ("brand", "name", "description")


class MembersForm(VerbForm):
    """Members to add, by the brand's own ids for them."""

    unaudited = frozenset({"member_ids"})
    member_ids = forms.CharField(
        label=_("Ids of members (auth_id)"),
        widget=UnfoldAdminTextareaWidget({"rows": 8}),
        help_text=_("One a line, at most 1,000. More come by a file."),
    )

    def clean_member_ids(self) -> list[str]:
        """The ids. Refuse more than go at once."""
        ids = [line.strip() for line in self.cleaned_data["member_ids"].splitlines() if line.strip()]
        if len(ids) > MOST_AT_ONCE:
            raise forms.ValidationError(_("At most 1,000 at once: import a file instead."))
        return ids


class FileForm(forms.Form):
    """A file of ids, as text."""

    file = forms.FileField(
        label=_("File of ids"),
        help_text=_("CSV in UTF-8: one id a line, or a column under the header member_id; 5 MB at most."),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
    )

    def clean_file(self) -> str:
        """Read it. Refuses what is too large, or no text."""
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(_("The file is larger than 5 MB: split it."))
        try:
            text: str = file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise forms.ValidationError(_("This is no text in UTF-8: save it as 'CSV UTF-8'.")) from None
        return text


class RuleForm(NewForm):
    """A segment that is kept by a rule, whose conditions stand in rows below."""

    match = forms.ChoiceField(
        label=_("Of the conditions below must hold"), choices=MATCHES, widget=UnfoldAdminSelectWidget, initial="all"
    )
    field_order = ("brand", "name", "description", "match")


class ConditionForm(forms.Form):
    """One row: a condition, or nothing."""

    kind = forms.ChoiceField(label=_("Condition"), choices=KINDS, required=False, widget=UnfoldAdminSelectWidget)
    words = forms.CharField(label=_("Which (commas between)"), required=False, widget=UnfoldAdminTextInputWidget)
    key = forms.CharField(label=_("Key"), required=False, max_length=100, widget=UnfoldAdminTextInputWidget)
    value = forms.CharField(label=_("Value"), required=False, max_length=100, widget=UnfoldAdminTextInputWidget)
    day = forms.DateField(label=_("Day"), required=False, widget=UnfoldAdminTextInputWidget({"type": "date"}))
    test = forms.ChoiceField(label=_("Compared"), choices=TESTS, required=False, widget=UnfoldAdminSelectWidget)
    points = forms.IntegerField(
        label=_("Points"), required=False, min_value=0, max_value=MOST_POINTS, widget=UnfoldAdminIntegerFieldWidget
    )
    token_id = forms.ChoiceField(label=_("Token"), required=False, widget=UnfoldAdminSelectWidget)
    days = forms.IntegerField(
        label=_("Days"), required=False, min_value=1, max_value=LONGEST_DAYS, widget=UnfoldAdminIntegerFieldWidget
    )
    programme = forms.ChoiceField(label=_("Programme"), required=False, widget=UnfoldAdminSelectWidget)
    segment_id = forms.ChoiceField(label=_("Segment"), required=False, widget=UnfoldAdminSelectWidget)
    joined = forms.BooleanField(label=_("belongs to the row above"), required=False, widget=UnfoldBooleanWidget)

    def __init__(self, *arguments: Any, choices: Mapping[str, list[tuple[str, Any]]], **terms: Any) -> None:
        super().__init__(*arguments, **terms)
        for name, offered in choices.items():
            field: Any = self.fields[name]
            field.choices = offered
        self.use_required_attribute = False

    def clean(self) -> dict[str, Any]:
        """Refuse a row in which something lacks that its kind asks for."""
        told: dict[str, Any] = super().clean() or self.cleaned_data
        kind = told.get("kind", "")
        for name in FIELDS_OF.get(kind, ()):
            if name not in self.errors and told.get(name) in (None, "") and (kind, name) not in OPTIONAL:
                self.add_error(name, forms.ValidationError(_("This field is required."), code="required"))
        return told

    def condition(self) -> dict[str, Any] | None:
        """The condition as a rule holds it; None for a row that is empty."""
        told, kind = self.cleaned_data, self.cleaned_data.get("kind")  # a row that nobody touched has nothing
        if not kind:
            return None
        return {"kind": kind} | dict(self._field(kind, name, told[name]) for name in FIELDS_OF[kind])

    def _field(self, kind: str, name: str, value: Any) -> tuple[str, Any]:
        match name:
            case "words":
                return WORDS[kind], [word.strip() for word in value.split(",") if word.strip()]
            case "value" if kind == "tag":
                return "tag", value
            case "token_id" | "segment_id":
                return name, int(value) if value else None
            case "day":
                return name, value.isoformat()
        return name, value

    def refuse(self, field: str, detail: str) -> None:
        """Say what was refused, at the field that the rule's own name means."""
        own = {"tag": "value"} | dict.fromkeys(WORDS.values(), "words")
        self.add_error(own.get(field, field) if own.get(field, field) in self.fields else None, detail)


class ConditionFormSet(forms.BaseFormSet[ConditionForm]):
    """The rows. A row that belongs to the one above is one condition with it, which asks the other way round:
    where all rows must hold, any of those that belong together does; where any is enough, all of them must hold.
    """

    def rule(self, match: str) -> dict[str, Any]:
        """The rule that the rows come to. Each row remembers where in it it stands."""
        blocks: list[list[tuple[ConditionForm, dict[str, Any]]]] = []
        for form in self.forms:
            condition = form.condition()
            if condition is not None:
                if not (blocks and form.cleaned_data["joined"]):
                    blocks.append([])
                blocks[-1].append((form, condition))
        self.places: dict[str, ConditionForm] = {}
        for at, block in enumerate(blocks):
            for within, (form, _condition) in enumerate(block):
                tail = f".conditions[{within}]" if len(block) > 1 else ""
                self.places[f"rule.conditions[{at}]{tail}"] = form
        other = "any" if match == "all" else "all"
        return {"match": match, "conditions": [_whole([one for _, one in block], other) for block in blocks]}

    def refuse(self, refusal: LoyaltyError) -> list[str]:
        """Say at the rows what was refused; answers what is about none of them."""
        left = []
        for fault in refusal.errors:
            found = re.fullmatch(r"(rule\.conditions\[\d+\](?:\.conditions\[\d+\])?)\.(\w+).*", fault.field)
            form = self.places.get(found[1]) if found else None
            if found is None or form is None:
                left.append(fault.detail)
            else:
                form.refuse(found[2], fault.detail)
        return left


def _whole(conditions: list[dict[str, Any]], match: str) -> dict[str, Any]:
    return conditions[0] if len(conditions) == 1 else {"kind": "group", "match": match, "conditions": conditions}


ConditionRows: Any = forms.formset_factory(
    ConditionForm,
    formset=ConditionFormSet,
    extra=0,
    max_num=MOST_CONDITIONS,
    validate_max=True,
    absolute_max=MOST_CONDITIONS + 1,
)


def choices_for(request: HttpRequest) -> dict[str, list[tuple[str, Any]]]:
    """What rows offer: tokens, segments and programmes that someone may choose from."""
    by_hand = choices_of(Segment, request).filter(kind=SegmentKind.HAND).order_by("name")
    programmes = PartnerProgramme.objects.order_by("name").values_list("implementation_name", "name")
    return {
        "token_id": [("", _("of the programme")), *_named(choices_of(Token, request).order_by("pk"))],
        "segment_id": [("", "---------"), *_named(by_hand)],
        "programme": [("", "---------"), *programmes],
    }


def _named(rows: Iterable[Any]) -> list[tuple[str, str | Promise]]:
    return [(str(row.pk), str(row)) for row in rows]


def rows_of(rule: Rule) -> list[dict[str, Any]]:
    """A rule as the rows that come to it."""
    rows: list[dict[str, Any]] = []
    for part in rule.conditions:
        if isinstance(part, Group):
            together = part.match != rule.match
            rows += [_row(leaf) | {"joined": together and at > 0} for at, leaf in enumerate(part.conditions)]
        else:
            rows.append(_row(part))
    return rows


def _row(leaf: Leaf) -> dict[str, Any]:
    kept = Rule("all", (leaf,)).content()["conditions"][0]
    row = {("value" if name == "tag" else "words" if name in WORDS.values() else name): value for name, value in kept.items()}
    return row | ({"words": ", ".join(row["words"])} if "words" in row else {})

"""Conditions of an action as staff fill them in: a line each, of a property, how it is compared, and with what."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from rewards.rules.actions import MOST_CONDITIONS, ConditionsFault, Operator, read_conditions

EMPTY_LINES = 3
OPERATORS: dict[str, Promise | str] = {
    Operator.EQUALS.value: gettext_lazy("is"),
    Operator.NOT_EQUALS.value: gettext_lazy("is not"),
    Operator.IN.value: gettext_lazy("is one of (parted by commas)"),
    Operator.AT_LEAST.value: gettext_lazy("is at least"),
    Operator.AT_MOST.value: gettext_lazy("is at most"),
    Operator.CONTAINS.value: gettext_lazy("contains"),
    Operator.EXISTS.value: gettext_lazy("is told"),
}


class Line(NamedTuple):
    """One condition as it is written."""

    property: str = ""
    operator: str = Operator.EQUALS.value
    value: str = ""


class ConditionsWidget(forms.Widget):
    """A line for each condition, and some that are empty."""

    use_fieldset = True

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """The lines."""
        written = [_written(told) for told in value if isinstance(told, dict)] if isinstance(value, list) else []
        empty = min(EMPTY_LINES, max(MOST_CONDITIONS - len(written), 0))
        context = {
            "name": name,
            "lines": list(enumerate([*written, *[Line()] * empty], 1)),
            "operators": list(OPERATORS.items()),
        }
        return mark_safe(render_to_string("admin/actions/conditions.html", context))  # noqa: S308 - our own template

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, Any]]:
        """The lines that were sent, as they were written."""
        columns = [_sent(data, f"{name}-{part}") for part in ("property", "is", "value")]
        return [{"property": told, "is": how, "value": value} for told, how, value in zip(*columns, strict=False)]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Whether no line was sent."""
        return f"{name}-property" not in data

    def id_for_label(self, id_: str) -> str:
        """No single field stands for all of them."""
        return ""


def _sent(data: Any, name: str) -> list[str]:
    return list(data.getlist(name)) if hasattr(data, "getlist") else list(data.get(name, []))


def _written(told: Mapping[str, Any]) -> Line:
    value = told.get("value") or ""
    return Line(
        str(told.get("property", "")), str(told.get("is", "")), ", ".join(value) if isinstance(value, list) else str(value)
    )


class ConditionsField(forms.Field):
    """Conditions, as the action keeps them; lines without a property are left out."""

    widget = ConditionsWidget

    def clean(self, value: Any) -> list[dict[str, Any]]:
        """Refuse what cannot be judged."""
        try:
            return [one.stored() for one in read_conditions([_told(line) for line in value or [] if _is_written(line)])]
        except ConditionsFault as fault:
            raise ValidationError(_("Line %(number)s: %(fault)s.") % {"number": fault.number, "fault": fault.told}) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the conditions are others."""
        try:
            return self.clean(data) != (initial or [])
        except ValidationError:
            return True


def _is_written(line: Mapping[str, Any]) -> bool:
    return bool(line["property"].strip() or line["value"].strip())


def _told(line: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"property": line["property"].strip(), "is": line["is"]}
    if line["is"] == Operator.IN:
        return told | {"value": [part.strip() for part in line["value"].split(",") if part.strip()]}
    return told | ({"value": line["value"].strip()} if line["value"].strip() else {})

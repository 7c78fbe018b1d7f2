"""The page on which a segment's rule is put together: rows of conditions, the rule in a sentence, how many it would have."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from ledger.models import Token
from loyalty.admin.base import staff_of
from loyalty.admin.outcomes import note_move, page_of
from loyalty.admin.segment_forms import FIELDS_OF, ConditionFormSet, ConditionRows, RuleForm, choices_for, rows_of
from loyalty.database import write
from loyalty.errors import InvalidRequest, LoyaltyError
from rewards.services.segment_rules import change_rule, check_rule, count_members, create_segment_by_rule
from users.models import AuditKind, PartnerProgramme, Segment
from users.rules.segment_words import sentence
from users.rules.segments import Rule, parse_rule
from users.services.segments import change_segment

if TYPE_CHECKING:
    from loyalty.admin.segments import SegmentAdmin

FIRST_ROWS = 2
PREFIX = "condition"


def said(rule: Rule) -> str:
    """A rule in the words of whoever reads."""
    names: dict[tuple[str, int | str], str] = {
        **{("token", pk): name for pk, name in Token.objects.filter(pk__in=rule.token_ids()).values_list("pk", "name")},
        **{("segment", pk): name for pk, name in Segment.objects.filter(pk__in=rule.segment_ids()).values_list("pk", "name")},
        **{
            ("programme", key): name
            for key, name in PartnerProgramme.objects.filter(implementation_name__in=rule.programmes()).values_list(
                "implementation_name", "name"
            )
        },
    }
    return sentence(rule, say=_, names=names, day=lambda day: date_format(day, "DATE_FORMAT"))


def rule_view(page: "SegmentAdmin", request: HttpRequest, segment: Segment | None) -> HttpResponse:
    """Show the rows; count whom they would choose; keep them."""
    form, rows = _forms(request, segment)
    told: dict[str, Any] = {}
    if request.method == "POST" and "add" not in request.POST and form.is_valid() and rows.is_valid():
        try:
            rule = _judged(form, rows, segment)
            if "save" in request.POST:
                return HttpResponseRedirect(page_of(_keep(request, form, rule, segment)))
            told = _tried_out(form, rule, segment, at=timezone.now())
        except LoyaltyError as refusal:
            _show(refusal, form, rows)
    context = page.admin_site.each_context(request) | {
        "title": _("Rule of %(segment)s") % {"segment": segment} if segment is not None else _("Make a segment by a rule"),
        "opts": page.opts,
        "segment": segment,
        "form": form,
        "rows": rows,
        "fields_of": FIELDS_OF,
        "media": page.media + form.media,
    }
    return TemplateResponse(request, "admin/segments/rule.html", context | told)


def _forms(request: HttpRequest, segment: Segment | None) -> tuple[RuleForm, ConditionFormSet]:
    """What was sent, or what is kept; some empty rows to begin with."""
    terms: dict[str, Any] = {"staff": staff_of(request), "row": segment}
    choices = {"choices": choices_for(request)}
    if request.method == "POST":
        sent = request.POST.copy()
        if "add" in sent:  # without scripts
            sent[f"{PREFIX}-TOTAL_FORMS"] = str(int(sent.get(f"{PREFIX}-TOTAL_FORMS", "0") or 0) + 1)
        return RuleForm(sent, **terms), ConditionRows(sent, prefix=PREFIX, form_kwargs=choices)
    kept = parse_rule(segment.rule) if segment is not None else None
    initial = {"name": segment.name, "description": segment.description} if segment is not None else {}
    filled = rows_of(kept) if kept is not None else [{} for _ in range(FIRST_ROWS)]
    form = RuleForm(initial=initial | ({"match": kept.match} if kept is not None else {}), **terms)
    rows = ConditionRows(prefix=PREFIX, form_kwargs=choices, initial=filled)
    return form, rows


def _judged(form: RuleForm, rows: ConditionFormSet, segment: Segment | None) -> Rule:
    """The rule that the rows come to. Raises InvalidRequest."""
    rule = rows.rule(form.cleaned_data["match"])
    if not rule["conditions"]:
        raise InvalidRequest(_("Choose a condition in at least one row."))
    return check_rule(brand_id=_brand_id(form, segment), rule=rule)


def _show(refusal: LoyaltyError, form: RuleForm, rows: ConditionFormSet) -> None:
    """Say what was refused: at the rows, or at the form above them."""
    if any(one.field.startswith("rule") for one in refusal.errors):
        for detail in rows.refuse(refusal):
            form.add_error(None, detail)
    else:
        form.refuse(refusal)


def _brand_id(form: RuleForm, segment: Segment | None) -> int:
    return segment.brand_id if segment is not None else form.brand().pk


def _tried_out(form: RuleForm, rule: Rule, segment: Segment | None, *, at: datetime) -> dict[str, Any]:
    """The rule in words, and how many members it would choose now. Raises SegmentCountTooSlow."""
    brand = segment.brand if segment is not None else form.brand()
    count = count_members(brand=brand, rule=rule, at=at)
    return {"sentence": said(rule), "count": count, "count_words": number_format(count, force_grouping=True)}


def _keep(request: HttpRequest, form: RuleForm, rule: Rule, segment: Segment | None) -> Segment:
    """Make the segment, or change it. Raises SegmentNameTaken, InvalidRequest."""
    told, at = form.cleaned_data, timezone.now()
    named = {"name": told["name"], "description": told["description"]}

    def make() -> Segment:
        made = create_segment_by_rule(brand_id=form.brand().pk, rule=rule.content(), at=at, **named)
        note_move(request, made, before={}, after=named | {"rule": made.rule}, kind=AuditKind.ADD)
        return made

    def change(segment: Segment) -> Segment:
        before = {"name": segment.name, "description": segment.description, "rule": segment.rule}
        change_segment(brand_id=segment.brand_id, segment_id=segment.pk, **named)
        changed = change_rule(brand_id=segment.brand_id, segment_id=segment.pk, rule=rule.content(), at=at)
        note_move(request, changed, before=before, after=named | {"rule": changed.rule}, kind=AuditKind.CHANGE)
        return changed

    if segment is None:
        kept = write(make)
        messages.success(request, _("The segment is made: its members come in within a minute."))
    else:
        kept = write(lambda: change(segment))
        messages.success(request, _("The rule is changed: everybody is judged anew within a minute."))
    return kept

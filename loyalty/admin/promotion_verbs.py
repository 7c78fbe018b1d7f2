"""What is done with promotions: published, paused, resumed, ended for good, copied."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from loyalty.admin.base import actor_of
from loyalty.admin.outcomes import note_move, page_of
from loyalty.admin.promotion_words import is_ahead
from loyalty.admin.verbs import Verb, VerbForm
from rewards.errors import PromotionMoveNotAllowed
from rewards.models import Promotion, PromotionState
from rewards.services.promotions import copy_promotion, move_promotion, publish_promotion
from users.models import AuditKind

LONGEST_NAME = 100


class StateForm(VerbForm):
    """Asks for nothing; the audit keeps where the promotion stood, and where it stands."""

    def was(self) -> dict[str, Any]:
        """Where it stands before."""
        return self.standing()

    def told(self) -> dict[str, Any]:
        """Where it stands now."""
        return self.standing()

    def standing(self) -> dict[str, Any]:
        """Its state and its version."""
        row = Promotion.objects.select_related("version").get(pk=self.row.pk)
        return {"state": row.state, "version": row.version.number if row.version is not None else None}


class PublishForm(StateForm):
    """Carries which draft was looked at, so that nobody publishes another one."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def standing(self) -> dict[str, Any]:
        """Its state and its version, with the terms."""
        row = Promotion.objects.select_related("version").get(pk=self.row.pk)
        return super().standing() | {"terms": row.version.terms if row.version is not None else None}


class CopyForm(VerbForm):
    """What the copy is called."""

    name = forms.CharField(label=gettext_lazy("Name of the copy"), max_length=LONGEST_NAME, widget=UnfoldAdminTextInputWidget)


def digest_of(promotion: Promotion) -> str:
    """A draft in short."""
    return hashlib.sha256(json.dumps(promotion.draft, sort_keys=True).encode()).hexdigest()


def _publish(request: HttpRequest, row: Promotion, form: PublishForm) -> None:
    held = Promotion.objects.select_for_update(no_key=True).get(pk=row.pk)
    if form.cleaned_data["seen"] != digest_of(held):
        raise PromotionMoveNotAllowed(_("The draft was changed meanwhile: go back and look at it again."))
    publish_promotion(brand_id=row.brand_id, promotion_id=row.pk, actor=actor_of(request), at=timezone.now())


def _move(to: PromotionState) -> Callable[[HttpRequest, Promotion, StateForm], None]:
    def act(_request: HttpRequest, row: Promotion, _form: StateForm) -> None:
        move_promotion(brand_id=row.brand_id, promotion_id=row.pk, to=to)

    return act


def _copy(request: HttpRequest, row: Promotion, form: CopyForm) -> HttpResponse:
    made = copy_promotion(brand_id=row.brand_id, promotion_id=row.pk, name=form.cleaned_data["name"])
    note_move(request, made, before={}, after={"copy_of": row.pk, "name": made.name}, kind=AuditKind.ADD)
    return HttpResponseRedirect(page_of(made))


def _may_publish(row: Promotion) -> bool:
    """Whether publishing would change anything."""
    return row.state != PromotionState.ENDED and (row.version is None or is_ahead(row))


def _is_in(*states: PromotionState) -> Callable[[Promotion], bool]:
    return lambda row: row.state in states


VERBS = (
    Verb(
        name="publish",
        title=gettext_lazy("Publish"),
        permission="rewards.publish_promotion",
        act=_publish,
        form=PublishForm,
        applies=_may_publish,
        initial=lambda row: {"seen": digest_of(row)},
        icon="publish",
        words=gettext_lazy(
            "From now on baskets earn by the draft, and a promotion that is paused runs again. What was earned stays as it "
            "was, and comes back under the terms that paid."
        ),
        done=gettext_lazy("It is published."),
    ),
    Verb(
        name="pause",
        title=gettext_lazy("Pause"),
        permission="rewards.publish_promotion",
        act=_move(PromotionState.PAUSED),
        form=StateForm,
        applies=_is_in(PromotionState.RUNNING),
        icon="pause",
        words=gettext_lazy("It gives nothing until it is resumed. What was earned stays as it is."),
        done=gettext_lazy("It is paused."),
    ),
    Verb(
        name="resume",
        title=gettext_lazy("Resume"),
        permission="rewards.publish_promotion",
        act=_move(PromotionState.RUNNING),
        form=StateForm,
        applies=_is_in(PromotionState.PAUSED),
        icon="play_arrow",
        words=gettext_lazy("It gives points again, by the version that was published last."),
        done=gettext_lazy("It is resumed."),
    ),
    Verb(
        name="end",
        title=gettext_lazy("End for good"),
        permission="rewards.publish_promotion",
        act=_move(PromotionState.ENDED),
        form=StateForm,
        applies=_is_in(PromotionState.RUNNING, PromotionState.PAUSED),
        icon="stop",
        words=gettext_lazy("It never gives points again. What was earned stays as it is."),
        done=gettext_lazy("It has ended."),
    ),
    Verb(
        name="copy",
        title=gettext_lazy("Copy"),
        permission="rewards.add_promotion",
        act=_copy,
        form=CopyForm,
        initial=lambda row: {"name": _("Copy of %(name)s") % {"name": row.name}},
        icon="content_copy",
        words=gettext_lazy("A new draft with the same terms, budget and segments."),
    ),
)

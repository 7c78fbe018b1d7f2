"""Ads that apps show, with a preview and how often each was shown."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.admin.base import BrandTabularInline, KeptAdmin
from loyalty.admin.outcomes import labelled
from rewards.models import Ad, AdDay, AdSegment, AdText

SHOWN_DAYS = 30


class AdTextInline(BrandTabularInline):
    """What it says in each language."""

    model = AdText
    exclude = ["brand"]
    extra = 0


class AdSegmentInline(BrandTabularInline):
    """The segments that it is for."""

    model = AdSegment
    exclude = ["brand"]
    extra = 0


@admin.register(Ad)
class AdAdmin(KeptAdmin):
    """Ads."""

    list_display = ["title", "brand", "kind", "position", "shown_state", "starts_at", "ends_at"]
    list_filter = ["active", "kind"]
    list_select_related = ["brand"]
    search_fields = ["title__istartswith"]
    inlines = [AdTextInline, AdSegmentInline]
    actions = ["switch_on", "switch_off"]
    change_form_outer_after_template: Any = "admin/ads/preview.html"

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Give lines the brand of what they stand under."""
        for line in formset.forms:
            line.instance.brand_id = form.instance.brand_id
        super().save_formset(request, form, formset, change)

    def render_change_form(self, request: HttpRequest, context: Any, *arguments: Any, **terms: Any) -> Any:
        """Show how it looks, and how often it was shown."""
        ad = terms.get("obj")
        if ad is not None:
            context |= {"looks": looks_of(ad), "shown_times": number_format(shown_of(ad), force_grouping=True)}
        return super().render_change_form(request, context, *arguments, **terms)

    @labelled(description=gettext_lazy("State"), label={"yes": "success", "no": "info"})
    def shown_state(self, ad: Ad) -> tuple[str, str]:
        """Whether it is shown now."""
        now = timezone.now()
        begun = ad.starts_at is None or ad.starts_at <= now
        running = ad.active and begun and (ad.ends_at is None or ad.ends_at > now)
        return ("yes", _("shown")) if running else ("no", _("not shown"))

    @admin.action(description=gettext_lazy("Show them"), permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Ad]) -> None:
        """Show ads."""
        self.set_on_each(request, queryset, active=True)

    @admin.action(description=gettext_lazy("Show them no more"), permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Ad]) -> None:
        """Take ads away."""
        self.set_on_each(request, queryset, active=False)


def looks_of(ad: Ad) -> list[dict[str, str]]:
    """How an ad looks in each of the brand's languages."""
    texts = {text.language: text for text in ad.texts.all()}
    looks = []
    for language in ad.brand.languages:
        text = texts.get(language)
        words = {"title": text.title if text else ad.title, "text": (text.text if text else "") or ad.text}
        looks.append({"language": language, "image": ad.image, "link": ad.link} | words)
    return looks


def shown_of(ad: Ad) -> int:
    """How often it was shown within the last days."""
    since = timezone.now().astimezone(ad.brand.zone).date() - timedelta(days=SHOWN_DAYS)
    days = AdDay.objects.filter(brand_id=ad.brand_id, ad=ad, day__gte=since)
    return int(days.aggregate(shown=Sum("shown", default=0))["shown"])

"""Promotions in words: what they give, for what, when and how often; what a draft would change; why one gave nothing."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.dates import WEEKDAYS_ABBR
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from rewards.models import Promotion, PromotionState
from rewards.rules.promotions import Fixed, Multiplier, PerAmount, PerItem, Terms, read_terms
from users.models import Brand

Text = str | Promise
MOST_NAMED = 20
KINDS: dict[str, Text] = {
    "multiplier": gettext_lazy("The points of the base, times a factor"),
    "fixed": gettext_lazy("So many points for a basket"),
    "per_item": gettext_lazy("So many points for each item"),
    "per_amount": gettext_lazy("So many points for each full amount of money"),
}
PERIODS: dict[str, Text] = {
    "all": gettext_lazy("in all"),
    "day": gettext_lazy("a day"),
    "week": gettext_lazy("a week"),
    "month": gettext_lazy("a month"),
}
LABELS: dict[str, Text] = {
    "gain": gettext_lazy("What it gives"),
    "skus": gettext_lazy("Products"),
    "categories": gettext_lazy("Categories"),
    "minimum_amount": gettext_lazy("From which amount on"),
    "minimum_quantity": gettext_lazy("From how many items on"),
    "stores": gettext_lazy("Stores"),
    "channels": gettext_lazy("Channels"),
    "weekdays": gettext_lazy("Days of the week"),
    "hours": gettext_lazy("Hours"),
    "starts_at": gettext_lazy("Begins"),
    "ends_at": gettext_lazy("Ends"),
    "priority": gettext_lazy("Priority"),
    "exclusive": gettext_lazy("Stands alone"),
    "limits": gettext_lazy("For each member at most"),
}
REASONS: dict[str, Text] = {
    "not_started": gettext_lazy("It has not begun."),
    "ended": gettext_lazy("It is over."),
    "not_in_segment": gettext_lazy("Whoever buys is in none of its segments."),
    "other_store": gettext_lazy("It does not count in this store."),
    "other_channel": gettext_lazy("It does not count in this channel."),
    "other_weekday": gettext_lazy("It does not count on this day of the week."),
    "other_hour": gettext_lazy("It does not count at this hour."),
    "below_minimum_amount": gettext_lazy("What it counts costs too little."),
    "below_minimum_quantity": gettext_lazy("What it counts is too few."),
    "no_matching_line": gettext_lazy("Nothing of what it counts is in the basket."),
    "nothing_gained": gettext_lazy("It comes to less than a point."),
    "budget_used_up": gettext_lazy("Its budget has not that much left."),
    "limit_reached": gettext_lazy("The member has had as much of it as one may have."),
    "not_combinable": gettext_lazy("It does not go together with one that was looked at before."),
}


def reason_words(reason: str) -> str:
    """Why a promotion gave nothing."""
    return str(REASONS.get(reason, reason))


def points_words(points: int) -> str:
    """Points, as people read them."""
    counted = number_format(points, force_grouping=True)
    return ngettext("%(points)s point", "%(points)s points", points) % {"points": counted}


def gain_words(terms: Terms, currency: str) -> str:
    """What a promotion brings."""
    match terms.gain:
        case Multiplier(factor=factor):
            return _("%(factor)s times the points") % {"factor": factor}
        case Fixed(points=points):
            return _("%(points)s for a basket") % {"points": points_words(points)}
        case PerItem(points=points):
            return _("%(points)s for each item") % {"points": points_words(points)}
        case PerAmount(points=points, each=each):
            return _("%(points)s for each full %(each)s %(currency)s") % {
                "points": points_words(points),
                "each": each,
                "currency": currency,
            }


def term_rows(terms: Terms, brand: Brand) -> dict[str, str]:
    """All that terms say, by the name of what it is about; what they do not ask for is left out."""
    told = {
        "gain": gain_words(terms, brand.currency),
        "skus": _names(terms.skus),
        "categories": _names(terms.categories),
        "minimum_amount": f"{terms.minimum_amount} {brand.currency}" if terms.minimum_amount is not None else "",
        "minimum_quantity": terms.minimum_quantity or "",
        "stores": _names(terms.stores),
        "channels": _names(terms.channels),
        "weekdays": ", ".join(str(WEEKDAYS_ABBR[day - 1]) for day in sorted(terms.weekdays)),
        "hours": f"{terms.from_time} - {terms.to_time}" if terms.from_time is not None else "",
        "starts_at": instant_words(terms.starts_at, brand),
        "ends_at": instant_words(terms.ends_at, brand),
        "priority": str(terms.priority),
        "exclusive": _("yes") if terms.exclusive else _("no"),
        "limits": _limit_words(terms),
    }
    return {name: words for name, words in told.items() if words}


def _names(words: Sequence[str]) -> str:
    more = len(words) - MOST_NAMED
    return ", ".join(words[:MOST_NAMED]) + (_(" and %(count)s more") % {"count": more} if more > 0 else "")


def _limit_words(terms: Terms) -> str:
    parts = []
    if terms.member_times is not None:
        times = number_format(terms.member_times, force_grouping=True)
        parts.append(ngettext("%(times)s time", "%(times)s times", terms.member_times) % {"times": times})
    if terms.member_points is not None:
        parts.append(points_words(terms.member_points))
    return f"{', '.join(parts)} {PERIODS[terms.member_period]}" if parts else ""


def instant_words(instant: datetime | None, brand: Brand) -> str:
    """An instant in the brand's time zone; empty for none."""
    return date_format(instant.astimezone(brand.zone), "SHORT_DATETIME_FORMAT") if instant is not None else ""


def drafted(promotion: Promotion) -> Terms:
    """What staff are working on."""
    return read_terms(promotion.draft)


def published(promotion: Promotion) -> Terms | None:
    """What counts, where anything was published."""
    return read_terms(promotion.version.terms) if promotion.version is not None else None


def differences(promotion: Promotion) -> list[tuple[Text, str, str]]:
    """What publishing the draft changes: of what, from what, to what."""
    brand, now = promotion.brand, published(promotion)
    before, after = term_rows(now, brand) if now is not None else {}, term_rows(drafted(promotion), brand)
    return [
        (label, before.get(name, "-"), after.get(name, "-"))
        for name, label in LABELS.items()
        if before.get(name) != after.get(name) or (now is not None and _differs(now, drafted(promotion), name))
    ]


def _differs(now: Terms, then: Terms, name: str) -> bool:
    """Whether lists differ beyond what is named of them."""
    return name in {"skus", "categories", "stores", "channels"} and getattr(now, name) != getattr(then, name)


def is_ahead(promotion: Promotion) -> bool:
    """Whether the draft says something else than what is published."""
    return published(promotion) != drafted(promotion)


def standing_of(promotion: Promotion, at: datetime) -> tuple[str, str]:
    """Where a promotion stands, its dates considered: a word for its colour, and one for people."""
    state, terms = PromotionState(promotion.state), published(promotion)
    if state is PromotionState.RUNNING and terms is not None:
        if terms.ends_at is not None and terms.ends_at <= at:
            return "over", _("Over")
        if terms.starts_at is not None and terms.starts_at > at:
            return "coming", _("Not begun")
    return state.value, str(state.label)


def hints_of(promotion: Promotion, at: datetime) -> list[str]:
    """What someone should know who wonders why a promotion does not do what they expect."""
    standing, _words = standing_of(promotion, at)
    hints = {
        "draft": _("It is a draft: it gives nothing before it is published."),
        "paused": _("It is paused: it gives nothing until it is resumed."),
        "ended": _("It has ended for good: copy it to go on."),
        "over": _("It has been over since its end: change its end and publish it, or copy it."),
        "coming": _("It has not begun: it gives nothing before its start."),
    }
    found = [hints[standing]] if standing in hints else []
    if promotion.version is not None and standing != "ended" and is_ahead(promotion):
        found.append(_("The draft says something else than what is published: publish it to let it count."))
    if promotion.budget_points is not None and promotion.spent_points >= promotion.budget_points:
        found.append(_("Its budget is used up."))
    return found

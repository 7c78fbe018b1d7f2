"""What happened to a member in words: each entry of the timeline as a line that people read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ledger.models.transactions import REVERSIBLE
from ledger.rules.explanations import Movement, explain
from loyalty.admin.masking import HIDDEN, shown_code, shown_email, shown_number, shown_text
from loyalty.admin.timeline import Entry, Source
from users.email_kinds import EmailKind
from users.models.emails import EmailState

GAIN, LOSS, PLAIN, REFUSED = "gain", "loss", "plain", "refused"
TYPES: dict[str, Promise | str] = {
    "credit_points": gettext_lazy("Points credited"),
    "debit_points": gettext_lazy("Points debited"),
    "reversal": gettext_lazy("Reversal"),
    "expiry": gettext_lazy("Points lapsed"),
    "expiry_extension": gettext_lazy("Expiry extended"),
    "closure": gettext_lazy("Account closed"),
    "merge": gettext_lazy("Moved by a merge"),
    "points_to_rewards": gettext_lazy("Reward bought"),
    "points_to_external_rewards": gettext_lazy("Points exchanged"),
    "exchange": gettext_lazy("Points exchanged"),
    "code_to_points": gettext_lazy("Code redeemed"),
    "code_to_nft": gettext_lazy("Code redeemed"),
    "code_to_external_rewards": gettext_lazy("Code redeemed"),
    "credit_nft": gettext_lazy("Collectible given"),
    "earn": gettext_lazy("Points earned"),
    "event": gettext_lazy("Action rewarded"),
    "nft_personalisation": gettext_lazy("Personalisation decided"),
}
"""What staff call a movement, or a request for one."""


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as it is shown: `facts` are pairs of a label and a value, `links` of a label and an address."""

    entry: Entry
    icon: str
    title: str
    text: str = ""
    amount: str = ""
    tone: str = PLAIN
    facts: list[tuple[str, str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    resend: int | None = None

    @property
    def at(self) -> datetime:
        """When."""
        return self.entry.at


def line_of(entry: Entry, request: HttpRequest) -> Line:
    """An entry in words, personal data as the reader may see it."""
    return _WORDS[Source(entry.source)](entry, entry.told, request)


def link_to(name: str, *arguments: object) -> str:
    """The address of a page of the back office; empty where there is none of that name."""
    try:
        return reverse(f"admin:{name}", args=arguments)
    except NoReverseMatch:
        return ""


def type_words(name: str) -> str:
    """What staff call a type of movement."""
    return str(TYPES.get(name, name))


def instant_words(text: str | None) -> str:
    """An instant out of the timeline as people read it."""
    return date_format(localtime(datetime.fromisoformat(text)), "SHORT_DATETIME_FORMAT") if text else ""


def _facts(*pairs: tuple[str, Any]) -> list[tuple[str, str]]:
    return [(label, str(value)) for label, value in pairs if value not in {None, ""}]


def _links(*pairs: tuple[str, str]) -> list[tuple[str, str]]:
    return [(label, address) for label, address in pairs if address]


def _shown_gift_code(request: HttpRequest, code: str | None) -> str:
    """What a member shows at the counter, for those who may see what was handed out."""
    return (code or "") if request.user.has_perm("rewards.view_reward") else HIDDEN if code else ""


def _posting(entry: Entry, told: Mapping[str, Any], request: HttpRequest) -> Line:
    movement = Movement(
        type=told["type"],
        amount=told["amount"],
        actor=told["actor"],
        reference_id=told["reference_id"],
        reverses=told["reverses"],
        explanation=told["explanation"] or {},
        names={name: told[name] for name in ("campaign", "reward", "partner", "action", "promotions")}
        | {"code": shown_code(request, told["code"]), "lapses": instant_words(told["expires_at"])},
    )
    why = explain(movement)
    amount = f"{'+' if told['amount'] > 0 else ''}{number_format(told['amount'], force_grouping=True)} {told['symbol']}"
    reversible = told["type"] in {kind.value for kind in REVERSIBLE} and request.user.has_perm("ledger.reverse_transaction")
    lapses = told["expires_at"] if told["amount"] > 0 else None
    return Line(
        entry,
        icon="add_circle" if told["amount"] > 0 else "do_not_disturb_on" if told["amount"] < 0 else "verified",
        title=type_words(told["type"]),
        text=_(why.text) % why.values,
        amount=amount if told["amount"] else "",
        tone=GAIN if told["amount"] > 0 else LOSS if told["amount"] < 0 else PLAIN,
        facts=_facts(
            (_("Balance after"), number_format(told["balance_after"], force_grouping=True)),
            (_("Lapses"), instant_words(lapses)),
            (_("Reference"), told["reference_id"]),
            (_("Note"), shown_text(request, told["note"])),
            (_("By"), told["actor"]),
        ),
        links=_links(
            (_("Transaction %(id)s") % {"id": entry.id}, link_to("ledger_transaction_change", entry.id)),
            (_("Reverse"), link_to("money_reverse", entry.id) if reversible else ""),
        ),
    )


def _reward(entry: Entry, told: Mapping[str, Any], request: HttpRequest) -> Line:
    used = told["used_at"]
    return Line(
        entry,
        icon="redeem",
        title=_("Reward handed out"),
        text=told["reward"],
        facts=_facts(
            (_("Code"), _shown_gift_code(request, told["code"])),
            (_("Price"), number_format(abs(told["price"] or 0), force_grouping=True)),
            (_("Used"), instant_words(used) if used else "" if told["status"] else _("not yet")),
            (_("Delivery"), _status(told["status"])),
        ),
        links=_links(
            (_("Reward"), link_to("rewards_reward_change", entry.id)),
            (_("Order"), link_to("rewards_giftorder_change", told["order"]) if told["order"] else ""),
        ),
    )


def _status(status: str | None) -> str:
    return _(status.replace("_", " ").capitalize()) if status else ""


def _delivery(entry: Entry, told: Mapping[str, Any], request: HttpRequest) -> Line:
    text = _("%(reward)s: from %(before)s to %(after)s.")
    values = {"reward": told["reward"], "before": _status(told["from_status"]), "after": _status(told["to_status"])}
    return Line(
        entry,
        icon="local_shipping",
        title=_("Order moved"),
        text=text % values,
        facts=_facts((_("Reason"), shown_text(request, told["reason"])), (_("By"), told["actor"])),
        links=_links((_("Order"), link_to("rewards_giftorder_change", told["order"]))),
    )


def _collectible(entry: Entry, told: Mapping[str, Any], request: HttpRequest) -> Line:
    states = {
        None: _("owned, not personalised"),
        "pending": _("personalisation to be decided"),
        "approved": _("personalisation approved"),
        "rejected": _("personalisation rejected"),
    }
    wish = told["personalised_data"]
    text = ", ".join(str(value) for value in wish.values()) if isinstance(wish, dict) else ""
    return Line(
        entry,
        icon="diamond",
        title=_("%(token)s, number %(serial)s") % {"token": told["token"], "serial": told["serial"]},
        text=states.get(told["status"], told["status"]),
        facts=_facts((_("Wish"), shown_text(request, text)), (_("Reason"), shown_text(request, told["reason"]))),
        links=_links((_("Collectible"), link_to("rewards_collectible_change", entry.id))),
    )


def _exchange(entry: Entry, told: Mapping[str, Any], request: HttpRequest) -> Line:
    states = {
        "accepted": _("about to be sent"),
        "submitted": _("sent, no answer yet"),
        "unknown": _("no answer: being asked after"),
        "pending": _("the partner has not decided yet"),
        "settled": _("credited by the partner"),
        "refused": _("refused: the points came back"),
        "parked": _("staff must look"),
    }
    values = {"points": number_format(told["points"], force_grouping=True), "partner": told["partner"]}
    values["received"] = number_format(told["credited"] or told["received"], force_grouping=True)
    return Line(
        entry,
        icon="flight",
        title=_("Exchange: %(state)s") % {"state": states.get(told["state"], told["state"])},
        text=_("%(points)s points into %(received)s of %(partner)s.") % values,
        tone=REFUSED if told["state"] in {"refused", "parked"} else PLAIN,
        facts=_facts(
            (_("Membership number"), shown_number(request, told["membership_number"])),
            (_("Attempts"), told["attempts"]),
            (_("Ended"), instant_words(told["ended_at"])),
            (_("Refusal"), told["refusal_code"]),
        ),
        links=_links((_("Exchange"), link_to("exchange_exchangeorder_change", entry.id))),
    )


def _email(entry: Entry, told: Mapping[str, Any], request: HttpRequest) -> Line:
    states = {
        EmailState.QUEUED.value: _("waiting to be sent"),
        EmailState.LEASED.value: _("being sent"),
        EmailState.FAILED.value: _("to be tried again"),
        EmailState.SENT.value: _("sent"),
        EmailState.PARKED.value: _("given up"),
    }
    again = told["state"] in {EmailState.SENT, EmailState.PARKED} and request.user.has_perm("users.queue_email")
    kinds = {kind.value: str(kind.label) for kind in EmailKind}
    return Line(
        entry,
        icon="mail",
        title=_("E-mail: %(state)s") % {"state": states.get(told["state"], told["state"])},
        text=_(kinds.get(told["kind"], told["kind"])),
        tone=REFUSED if told["state"] == EmailState.PARKED else PLAIN,
        facts=_facts(
            (_("To"), shown_email(request, told["recipient"])),
            (_("Code"), shown_code(request, told["code"])),
            (_("Sent"), instant_words(told["sent_at"])),
            (_("Fault"), told["fault"]),
        ),
        links=_links((_("E-mail"), link_to("users_email_change", entry.id))),
        resend=entry.id if again else None,
    )


def _membership(entry: Entry, told: Mapping[str, Any], request: HttpRequest) -> Line:
    return Line(
        entry,
        icon="card_membership",
        title=_("Membership kept"),
        text=f"{told['programme'] or told['brand']}: {shown_number(request, told['number'])}",
        facts=_facts((_("Look at"), told["warning"])),
    )


def _merge(entry: Entry, told: Mapping[str, Any], request: HttpRequest) -> Line:
    return Line(
        entry,
        icon="merge",
        title=_("Duplicate merged"),
        text=_("The duplicate %(duplicate)s was merged into this member.") % {"duplicate": told["public_id"]},
        facts=_facts((_("Its auth_id was"), shown_text(request, told["auth_id"]))),
        links=_links((_("Duplicate"), link_to("users_member_change", entry.id))),
    )


def _refusal(entry: Entry, told: Mapping[str, Any], _request: HttpRequest) -> Line:
    asked = {
        "use_reward": _("Use of a reward"),
        "transaction": _("Movement"),
        "voucher": _("Redemption of a gift"),
        "move_order": _("Move of an order"),
    }
    operation = asked.get(told["operation"], type_words(told["operation"]))
    times = _("%(count)s times within the hour") % {"count": told["count"]} if told["count"] > 1 else ""
    return Line(
        entry,
        icon="block",
        title=_("Refused: %(operation)s") % {"operation": operation},
        text=_(told["detail"]) if told["detail"] else told["code"],
        tone=REFUSED,
        facts=_facts(
            (_("Why"), told["code"]),
            (_("How often"), times),
            (_("Reference"), told["reference_id"]),
            (_("Request"), told["request_id"]),
        ),
    )


def _registration(entry: Entry, told: Mapping[str, Any], _request: HttpRequest) -> Line:
    return Line(entry, icon="person_add", title=_("Registered"), text=_("as %(member)s") % {"member": told["public_id"]})


_WORDS: dict[Source, Callable[[Entry, Mapping[str, Any], HttpRequest], Line]] = {
    Source.POSTING: _posting,
    Source.REWARD: _reward,
    Source.DELIVERY: _delivery,
    Source.COLLECTIBLE: _collectible,
    Source.EXCHANGE: _exchange,
    Source.EMAIL: _email,
    Source.MEMBERSHIP: _membership,
    Source.MERGE: _merge,
    Source.REFUSAL: _refusal,
    Source.REGISTRATION: _registration,
}

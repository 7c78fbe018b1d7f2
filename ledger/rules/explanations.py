"""Why points moved, in one sentence for people: from a row's type, sign and explanation.

A sentence is a text to translate and the values to put into it, so nothing here knows languages. Ids in the explanation
mean nothing to people: whoever asks gives the names that go with them, and where one is lacking the sentence does without.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


def gettext_noop(text: str) -> str:
    """Mark a text for the catalogues of translations; it is translated where it is shown."""
    return text


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text with %(placeholders)s, to be translated, and what goes into them."""

    text: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text % self.values


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A row of the ledger as far as its reason goes. `names` holds what is known of: code, campaign, reward, partner,
    action, promotions (a list), lapses (a date as people read it).
    """

    type: str
    amount: int
    actor: str = ""
    reference_id: str | None = None
    reverses: int | None = None
    explanation: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, Any] = field(default_factory=dict)


def explain(movement: Movement) -> Sentence:
    """Say why points moved; a type that nobody knows yet is named as it is."""
    known = _SENTENCES.get(movement.type)
    return known(movement) if known is not None else Sentence("%(type)s", {"type": movement.type})


def _credit(movement: Movement) -> Sentence:
    if movement.actor.startswith("staff:"):
        return Sentence(gettext_noop("Staff credited them by hand."))
    if movement.reference_id:
        text = gettext_noop("The partner's system credited them for its reference %(reference)s.")
        return Sentence(text, {"reference": movement.reference_id})
    return Sentence(gettext_noop("The partner's system credited them and gave no reference."))


def _debit(movement: Movement) -> Sentence:
    if movement.actor.startswith("staff:"):
        return Sentence(gettext_noop("Staff debited them by hand."))
    if movement.reference_id:
        text = gettext_noop("The partner's system debited them for its reference %(reference)s.")
        return Sentence(text, {"reference": movement.reference_id})
    return Sentence(gettext_noop("The partner's system debited them and gave no reference."))


def _reversal(movement: Movement) -> Sentence:
    values = {"transaction": movement.reverses}
    if movement.amount > 0:
        return Sentence(gettext_noop("Transaction %(transaction)s was undone: what it took came back."), values)
    return Sentence(gettext_noop("Transaction %(transaction)s was undone: what it gave was taken back."), values)


def _expiry(_movement: Movement) -> Sentence:
    return Sentence(gettext_noop("Their time was up: nobody used them before they lapsed."))


def _extension(movement: Movement) -> Sentence:
    lapses = movement.names.get("lapses")
    if lapses:
        return Sentence(gettext_noop("Staff let points lapse later, on %(lapses)s."), {"lapses": lapses})
    return Sentence(gettext_noop("Staff let points lapse later."))


def _closure(_movement: Movement) -> Sentence:
    return Sentence(gettext_noop("The member was erased: what was left is gone."))


def _merge(movement: Movement) -> Sentence:
    because = movement.explanation.get("because")
    if because is not None:
        text = gettext_noop("Moved between the merged accounts, because transaction %(transaction)s was undone.")
        return Sentence(text, {"transaction": because})
    if movement.amount > 0:
        return Sentence(gettext_noop("A duplicate was merged into this member and brought them along."))
    return Sentence(gettext_noop("This duplicate was merged, and they went to the member who was kept."))


def _reward(movement: Movement) -> Sentence:
    reward = movement.names.get("reward")
    if reward:
        return Sentence(gettext_noop("Paid for the reward “%(reward)s”."), {"reward": reward})
    return Sentence(gettext_noop("Paid for a reward."))


def _exchange(movement: Movement) -> Sentence:
    told, partner = movement.explanation, movement.names.get("partner")
    if movement.amount > 0:
        text = gettext_noop("%(points)s points of another brand were exchanged into them.")
        return Sentence(text, {"points": told.get("points", "?")})
    if told.get("because"):
        return Sentence(gettext_noop("Taken once more: the partner credited after it had refused."))
    values = {"received": told.get("received", "?"), "partner": partner}
    if partner:
        return Sentence(gettext_noop("Exchanged into %(received)s of %(partner)s."), values)
    return Sentence(gettext_noop("Exchanged into %(received)s of a partner."), values)


def _code(movement: Movement) -> Sentence:
    if movement.amount < 0:
        return _exchange(movement)
    values = {name: movement.names.get(name) for name in ("code", "campaign")}
    if values["code"] and values["campaign"]:
        return Sentence(gettext_noop("The code %(code)s of the campaign “%(campaign)s” was redeemed."), values)
    return Sentence(gettext_noop("A code was redeemed."))


def _earning(movement: Movement) -> Sentence:
    """What the basket gave by itself, what promotions added, and which: as far as that is known."""
    told = movement.explanation.get("base")
    if not isinstance(told, Mapping):
        return Sentence(gettext_noop("Earned on a purchase."))
    values: dict[str, Any] = {"base": told.get("points", "?")}
    values["bonus"] = sum(given.get("points", 0) for given in movement.explanation.get("promotions", []))
    values["promotions"] = ", ".join(f"“{name}”" for name in movement.names.get("promotions") or [])
    if not values["bonus"]:
        text = gettext_noop("Earned on a purchase: %(base)s for what was paid.")
    elif values["promotions"]:
        text = gettext_noop("Earned on a purchase: %(base)s for what was paid, %(bonus)s from %(promotions)s.")
    else:
        text = gettext_noop("Earned on a purchase: %(base)s for what was paid, %(bonus)s from promotions.")
    return Sentence(text, values)


def _event(movement: Movement) -> Sentence:
    action = movement.names.get("action")
    if action:
        return Sentence(gettext_noop("Rewarded for the action “%(action)s”."), {"action": action})
    return Sentence(gettext_noop("Rewarded for an action."))


def _item(movement: Movement) -> Sentence:
    serials = movement.explanation.get("serials") or []
    if serials:
        return Sentence(gettext_noop("Given as number %(numbers)s."), {"numbers": ", ".join(map(str, serials))})
    return Sentence(gettext_noop("A collectible was given."))


def _personalisation(movement: Movement) -> Sentence:
    values = {"numbers": ", ".join(map(str, movement.explanation.get("serials") or ["?"]))}
    if movement.explanation.get("decision") == "approved":
        return Sentence(gettext_noop("The personalisation of number %(numbers)s was approved."), values)
    return Sentence(gettext_noop("The personalisation of number %(numbers)s was rejected."), values)


_SENTENCES: dict[str, Callable[[Movement], Sentence]] = {
    "credit_points": _credit,
    "debit_points": _debit,
    "reversal": _reversal,
    "expiry": _expiry,
    "expiry_extension": _extension,
    "closure": _closure,
    "merge": _merge,
    "points_to_rewards": _reward,
    "points_to_external_rewards": _exchange,
    "exchange": _exchange,
    "code_to_points": _code,
    "code_to_nft": _code,
    "code_to_external_rewards": _code,
    "credit_nft": _item,
    "earn": _earning,
    "event": _event,
    "nft_personalisation": _personalisation,
}

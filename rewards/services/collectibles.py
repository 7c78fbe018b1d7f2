"""Collectibles: given through the ledger, personalised by their owners, decided about by staff."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ledger.models import Account, Counterpart, Token, TransactionType
from ledger.models.tokens import TokenType
from ledger.selectors import find_token
from ledger.services.points import Moved
from ledger.services.posting import Holder, Posting, lock_account, post, reference_first
from loyalty.database import execute_prepared, write
from loyalty.errors import invalid_field
from rewards.errors import (
    CollectibleNotFound,
    OutOfStock,
    PersonalisationApproved,
    PersonalisationChanged,
    PersonalisationNotPending,
)
from rewards.models import Collectible, Personalisation
from users.email_kinds import EmailKind
from users.models import Email
from users.services.emails import draft_email

LONGEST_WISH = 20_000  # characters of JSON
MOST_ITEMS = 1_000  # of one movement
ISSUE = """
INSERT INTO rewards_collectiblesupply AS s (brand_id, token_id, issued)
VALUES (%s, %s, %s)
ON CONFLICT (brand_id, token_id) DO UPDATE SET issued = s.issued + excluded.issued
WHERE s.supply_limit IS NULL OR s.issued + excluded.issued <= s.supply_limit
RETURNING issued
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOrder:
    """What a partner asks for: one item of a collectible for a member."""

    brand_id: int
    auth_id: str
    token_id: int
    actor: str
    reference_id: str | None = None


def credit_item(*, order: ItemOrder, at: datetime) -> Moved:
    """Give a member one item. Raises TokenNotFound, UserNotFound, OutOfStock, ReferenceAlreadyUsed."""
    token = find_token(brand_id=order.brand_id, token_id=order.token_id, type_=TokenType.ERC721)
    posting = Posting(
        account=Holder(order.brand_id, order.auth_id, token.pk),
        amount=1,
        type=TransactionType.CREDIT_NFT,
        counterpart=Counterpart.ISSUANCE,
        at=at,
        reference_id=order.reference_id,
        actor=order.actor,
    )

    def effect() -> Moved:
        with reference_first(order.brand_id, order.reference_id):
            return give_items(posting, token)

    return write(effect)


def give_items(posting: Posting, token: Token) -> Moved:
    """Post the credit of items and make them, inside a transaction; their numbers stand in the row's explanation.

    Raises OutOfStock when the supply is used up, and what posting refuses.
    """
    rows = execute_prepared(ISSUE, [token.brand_id, token.pk, posting.amount])
    if not rows:
        raise OutOfStock
    serials = list(range(rows[0][0] - posting.amount + 1, rows[0][0] + 1))
    posted = post(replace(posting, explanation={**(posting.explanation or {}), "serials": serials}))
    Collectible.objects.bulk_create(
        Collectible(
            brand_id=token.brand_id,
            token=token,
            serial=serial,
            member_id=posted.member_id,
            transaction_id=posted.id,
            created_at=posting.at,
            updated_at=posting.at,
        )
        for serial in serials
    )
    return Moved(posted, token)


def request_personalisation(*, brand_id: int, item_id: int, data: dict[str, Any], at: datetime) -> Collectible:
    """Store what the owner asks for; staff decide. What is approved stays; what was rejected may be asked anew.

    Raises CollectibleNotFound, PersonalisationApproved, InvalidRequest (too long).
    """
    if len(json.dumps(data, ensure_ascii=False)) > LONGEST_WISH:
        raise invalid_field("data", f"at most {LONGEST_WISH} characters of JSON")

    def effect() -> Collectible:
        item = _locked_item(brand_id, item_id)
        if item.status == Personalisation.APPROVED:
            raise PersonalisationApproved
        item.status, item.personalised_data, item.updated_at = Personalisation.PENDING, data, at
        item.reason = item.decided_by = ""
        item.save(update_fields=["status", "personalised_data", "reason", "decided_by", "updated_at"])
        return item

    return write(effect)


def decide_personalisation(
    *, brand_id: int, item_id: int, approve: bool, reason: str = "", seen: str | None = None, actor: str, at: datetime
) -> Collectible:
    """Approve or reject what the owner asks for, once; a rejection is mailed to them.

    `seen` is the digest of the wish that was looked at: a decision about another than stands there now is refused.
    The decision is a row of the ledger: what was decided is in the chain, and so is a salted digest of the wish and
    the reason. Raises CollectibleNotFound, PersonalisationNotPending, PersonalisationChanged.
    """

    def effect() -> Collectible:
        found = _find_item(brand_id, item_id)
        account = Account.objects.values_list("pk", flat=True).get(
            brand_id=brand_id, member=found.member, token_id=found.token_id
        )
        lock_account(account)  # before the item, as erasing a member takes them
        item = _locked_item(brand_id, item_id)
        if item.member_id != found.member_id:  # merged into another member meanwhile: their account is the one to hold
            return effect()
        if item.status != Personalisation.PENDING:
            raise PersonalisationNotPending(status=item.status, decided_by=item.decided_by, decided_at=item.updated_at)
        if seen is not None and seen != item.wish_digest:
            raise PersonalisationChanged
        _post_decision(item, account, approve=approve, reason=reason, actor=actor, at=at)
        item.status = Personalisation.APPROVED if approve else Personalisation.REJECTED
        item.reason, item.decided_by, item.updated_at = reason, actor, at
        item.save(update_fields=["status", "reason", "decided_by", "updated_at"])
        email = None if approve else draft_rejection(item, reason=reason, at=at)
        if email is not None:
            email.save()
        return item

    return write(effect)


def draft_rejection(item: Collectible, *, reason: str, at: datetime) -> Email | None:
    """The e-mail that a rejection sends to the owner, not stored; None for one without an address."""
    if item.member is None:
        return None
    context = {"token": item.token.name, "serial": item.serial, "reason": reason}
    kind = EmailKind.PERSONALISATION_REJECTED
    return draft_email(member=item.member, brand=item.token.brand, kind=kind, context=context, at=at)


def _post_decision(item: Collectible, account_id: int, *, approve: bool, reason: str, actor: str, at: datetime) -> None:
    decision = Personalisation.APPROVED if approve else Personalisation.REJECTED
    post(
        Posting(
            account=account_id,
            amount=0,
            type=TransactionType.NFT_PERSONALISATION,
            counterpart=Counterpart.ADJUSTMENT,
            at=at,
            actor=actor,
            explanation={"nft": item.pk, "serials": [item.serial], "decision": decision.value},
            note=json.dumps({"wish": item.personalised_data, "reason": reason}, ensure_ascii=False, sort_keys=True),
        )
    )


def _find_item(brand_id: int, item_id: int) -> Collectible:
    rows = Collectible.objects.select_related("member").filter(brand_id=brand_id, pk=item_id, member__isnull=False)
    item = rows.first()
    if item is None:
        raise CollectibleNotFound
    return item


def _locked_item(brand_id: int, item_id: int) -> Collectible:
    """The item, held until the transaction ends. Raises CollectibleNotFound, also when it belongs to nobody any more."""
    rows = Collectible.objects.select_for_update(of=("self",), no_key=True).select_related("token__brand", "member")
    item = rows.filter(brand_id=brand_id, pk=item_id, member__isnull=False).first()
    if item is None:
        raise CollectibleNotFound
    return item

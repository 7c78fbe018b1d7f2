"""Codes are issued one by one, and revoked. Many at once are made by rewards.services.generating."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from loyalty.database import constraint_of, write
from loyalty.errors import FieldError, invalid_field
from rewards.errors import CampaignNotRunning, CodeLengthTooShort, CodeNotFound, CodeReferenceUsed
from rewards.models import Campaign, CampaignKind, CampaignState, Code
from rewards.rules.codes import LONGEST, CodeForm, draw_codes, noise_needed, normalise
from rewards.services.campaigns import find_campaign, reserve_budget, return_budget
from rewards.services.collectibles import MOST_ITEMS
from users.email_kinds import EmailKind
from users.services.emails import queue_email_to
from users.services.members import check_email

DRAWN_AT_ONCE = 8
ONE_ITEM = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeOrder:
    """What a partner asks for: one code of a campaign, mailed to `email` where that is given.

    `value` may be None in a campaign for collectibles: one item.
    """

    brand_id: int
    campaign_id: int
    value: int | None
    length: int | None = None
    email: str | None = None
    language: str = "en"
    reference_id: str | None = None
    actor: str | None = None


def issue_code(*, order: CodeOrder, at: datetime) -> Code:
    """Make one code, and queue its e-mail, or neither.

    Raises CampaignNotFound, CampaignNotRunning, CampaignOutOfBudget, CodeLengthTooShort, CodeReferenceUsed,
    InvalidRequest (the e-mail address).
    """
    if order.email is not None:
        check_email(order.email)
    return write(lambda: _issue(order, at))


def _issue(order: CodeOrder, at: datetime) -> Code:
    campaign = find_campaign(brand_id=order.brand_id, campaign_id=order.campaign_id)
    used = Code.objects.filter(brand_id=order.brand_id, reference_id=order.reference_id)
    if order.reference_id is not None and used.exists():
        raise CodeReferenceUsed
    if campaign.state_at(at) is not CampaignState.RUNNING:
        raise CampaignNotRunning
    form = form_of(campaign, order.length)
    value = _value_of(campaign, order.value)
    reserve_budget(campaign, codes=1, points=value)
    issued = _insert(order, value, campaign, form, at)
    if order.email is not None:
        mail = queue_email_to(
            recipient=order.email,
            brand=campaign.brand,
            kind=EmailKind.CODE,
            context=email_context(issued, campaign),
            language=order.language,
            template=campaign.email_template,
            at=at,
        )
        issued.mail_id = mail.pk
        issued.save(update_fields=["mail_id"])
    return issued


def form_of(campaign: Campaign, length: int | None) -> CodeForm:
    """How codes of the campaign look at a length. Raises CodeLengthTooShort, InvalidRequest."""
    form = campaign.code_form(length)
    if form.length > LONGEST:
        raise invalid_field("length", f"at most {LONGEST}")
    if faults := form.faults():
        raise CodeLengthTooShort(errors=[FieldError("length", CodeLengthTooShort.code, fault) for fault in faults])
    return form


def _value_of(campaign: Campaign, value: int | None) -> int:
    """What a code is to be worth. Raises InvalidRequest."""
    if value is None and campaign.kind != CampaignKind.NFT:
        raise invalid_field("value", "this field is needed", code="required")
    value = ONE_ITEM if value is None else value
    check_value(campaign, value)
    return value


def check_value(campaign: Campaign, value: int) -> None:
    """Refuse a worth that no redemption could give. Raises InvalidRequest."""
    if campaign.kind == CampaignKind.NFT and value > MOST_ITEMS:
        raise invalid_field("value", f"at most {MOST_ITEMS} items")


def expiry_of(campaign: Campaign, at: datetime) -> datetime | None:
    """When codes issued now expire, apart from the end of their campaign."""
    return None if campaign.code_lifetime_days is None else at + timedelta(days=campaign.code_lifetime_days)


def email_context(issued: Code, campaign: Campaign) -> dict[str, object]:
    """What the mail with a code tells."""
    ends = [instant for instant in (issued.expires_at, campaign.ends_at) if instant is not None]
    return {
        "code": issued.code,
        "value": issued.value,
        "token": campaign.token.name,
        "campaign": campaign.name,
        "valid_until": campaign.brand.local_text(min(ends, default=None)),
    }


def revoke_code(*, brand_id: int, code: str, at: datetime) -> Code:
    """Take back a code that nobody has redeemed; its worth returns to the budget. Revoking twice changes nothing.

    Raises CodeNotFound, also for a code that was redeemed.
    """

    def effect() -> Code:
        rows = Code.objects.select_related("campaign").select_for_update(of=("self",), no_key=True)
        found = rows.filter(brand_id=brand_id, code=normalise(code), redeemed_at__isnull=True).first()
        if found is None:
            raise CodeNotFound
        if found.revoked_at is None:
            found.revoked_at = at
            found.save(update_fields=["revoked_at"])
            return_budget(found.campaign, codes=1, points=found.value)
        return found

    return write(effect)


def _insert(order: CodeOrder, value: int, campaign: Campaign, form: CodeForm, at: datetime) -> Code:
    """Store a code that no other of the brand equals: a draw that is taken is followed by another."""
    for text in draw_codes(form, secrets.token_bytes(noise_needed(form, DRAWN_AT_ONCE))):
        issued = Code(
            brand_id=order.brand_id,
            campaign=campaign,
            code=text,
            value=value,
            reference_id=order.reference_id,
            actor=order.actor,
            created_at=at,
            expires_at=expiry_of(campaign, at),
        )
        try:
            with transaction.atomic():
                issued.save(force_insert=True)
        except IntegrityError as error:
            if constraint_of(error) == "code_reference_once":
                raise CodeReferenceUsed from None
            if constraint_of(error) != "code_once":
                raise
            continue
        return issued
    raise CodeLengthTooShort(f"Code length too short: nearly all codes of {form.length} characters are taken")

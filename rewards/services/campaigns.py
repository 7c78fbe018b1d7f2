"""Campaigns: their states, and budgets that hold exactly."""

from datetime import datetime
from itertools import count

from django.db.models import F, Q

from loyalty.database import write
from loyalty.errors import FieldError
from rewards.errors import CampaignNotFound, CampaignOutOfBudget, MoveNotAllowed
from rewards.models import Campaign, CampaignState

MOVES: dict[CampaignState, frozenset[CampaignState]] = {
    CampaignState.RUNNING: frozenset({CampaignState.DRAFT, CampaignState.PAUSED}),
    CampaignState.PAUSED: frozenset({CampaignState.RUNNING}),
    CampaignState.ENDED: frozenset({CampaignState.DRAFT, CampaignState.RUNNING, CampaignState.PAUSED}),
}
"""Each state, and those from which a campaign may come to it."""
MOST_POINTS = 2**62  # of one campaign, so that no count overflows
LONGEST_NAME = 100
TERMS = (
    "kind",
    "token_id",
    "value_per_point",
    "starts_at",
    "ends_at",
    "budget_points",
    "budget_codes",
    "member_limit",
    "code_alphabet",
    "code_length",
    "code_prefix",
    "code_check",
    "code_lifetime_days",
    "email_template",
)
"""What makes a campaign, apart from its name and what became of it."""


def find_campaign(*, brand_id: int, campaign_id: int) -> Campaign:
    """One campaign of the brand. Raises CampaignNotFound."""
    campaign = Campaign.objects.select_related("brand", "token").filter(brand_id=brand_id, pk=campaign_id).first()
    if campaign is None:
        raise CampaignNotFound(errors=[FieldError("campaign_id", CampaignNotFound.code, CampaignNotFound.detail)])
    return campaign


def move_campaign(*, brand_id: int, campaign_id: int, to: CampaignState) -> Campaign:
    """Start, pause or end a campaign; what has ended stays so. Raises CampaignNotFound, MoveNotAllowed."""
    rows = Campaign.objects.filter(brand_id=brand_id, pk=campaign_id)
    if not rows.filter(state__in=MOVES.get(to, frozenset())).update(state=to):
        campaign = find_campaign(brand_id=brand_id, campaign_id=campaign_id)
        raise MoveNotAllowed(f"A campaign that is {campaign.state} cannot become {to.value}")
    return find_campaign(brand_id=brand_id, campaign_id=campaign_id)


def copy_campaign(*, brand_id: int, campaign_id: int, at: datetime) -> Campaign:
    """A draft with the same terms under a name that is free; of a campaign that is over it begins now and lasts as long.

    Raises CampaignNotFound.
    """

    def effect() -> Campaign:
        original = find_campaign(brand_id=brand_id, campaign_id=campaign_id)
        copy = Campaign(brand_id=brand_id, name=_free_name(original), **{term: getattr(original, term) for term in TERMS})
        if original.ends_at is not None and original.ends_at <= at:
            copy.starts_at, copy.ends_at = at, at + (original.ends_at - original.starts_at)
        copy.save(force_insert=True)
        return copy

    return write(effect)


def _free_name(original: Campaign) -> str:
    """The name with the first number after it that no campaign of the brand has; who loses a race tries again."""
    taken = set(Campaign.objects.filter(brand_id=original.brand_id).values_list("name", flat=True))
    ends = (f" ({number})" for number in count(2))
    return next(name for end in ends if (name := f"{original.name[: LONGEST_NAME - len(end)]}{end}") not in taken)


def reserve_budget(campaign: Campaign, *, codes: int, points: int) -> None:
    """Count codes into the campaign, in the transaction that makes them; others wait for its end, then see the new count.

    Raises CampaignOutOfBudget.
    """
    within = Q(budget_codes__isnull=True) | Q(budget_codes__gte=F("issued_codes") + codes)
    within &= Q(budget_points__isnull=True) | Q(budget_points__gte=F("issued_points") + points)
    if points >= MOST_POINTS:
        raise CampaignOutOfBudget
    within &= Q(issued_points__lte=MOST_POINTS - points)
    rows = Campaign.objects.filter(within, brand_id=campaign.brand_id, pk=campaign.pk)
    if not rows.update(issued_codes=F("issued_codes") + codes, issued_points=F("issued_points") + points):
        raise CampaignOutOfBudget


def return_budget(campaign: Campaign, *, codes: int, points: int) -> None:
    """Count codes that were revoked out of the campaign again, in the transaction that revokes them."""
    rows = Campaign.objects.filter(brand_id=campaign.brand_id, pk=campaign.pk)
    write(lambda: rows.update(issued_codes=F("issued_codes") - codes, issued_points=F("issued_points") - points))

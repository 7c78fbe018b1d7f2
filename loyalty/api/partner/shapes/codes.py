"""Campaigns and codes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from loyalty.api.shapes import instant_text
from rewards.models import Campaign, Code


class IssuedCodeOut(Struct):
    """A code that was just made; its value is a string."""

    code: str
    value: str
    campaign_id: int
    reference_id: str | None


class IssuedCodeAnswer(Struct):
    """A code that was just made."""

    data: IssuedCodeOut


class CodeOut(Struct):
    """A code, and what has become of it."""

    code: str
    state: Literal["available", "redeemed", "expired", "revoked"]
    value: str
    campaign_id: int
    reference_id: str | None
    redeemed_at: str | None
    user_auth_id: str | None


class CodeAnswer(Struct):
    """A code."""

    data: CodeOut


class CampaignOut(Struct):
    """A campaign; `state` as it is now, its dates counted in."""

    id: int
    name: str
    kind: Literal["points", "nft", "external_rewards"]
    state: Literal["draft", "running", "paused", "ended"]
    token_id: int
    starts_at: str
    ends_at: str | None


class CampaignsAnswer(Struct):
    """All campaigns of the brand."""

    data: list[CampaignOut]


def issued_code_answer(code: Code) -> IssuedCodeAnswer:
    """A code that was just made."""
    return IssuedCodeAnswer(IssuedCodeOut(code.code, str(code.value), code.campaign_id, code.reference_id))


def code_answer(code: Code, *, at: datetime) -> CodeAnswer:
    """A code as it stands."""
    return CodeAnswer(
        CodeOut(
            code=code.code,
            state=code.state_at(at).value,  # type: ignore[arg-type]
            value=str(code.value),
            campaign_id=code.campaign_id,
            reference_id=code.reference_id,
            redeemed_at=instant_text(code.redeemed_at) if code.redeemed_at is not None else None,
            user_auth_id=code.member.auth_id if code.member is not None else None,
        )
    )


def campaigns_answer(campaigns: Sequence[Campaign], *, at: datetime) -> CampaignsAnswer:
    """Campaigns as they stand."""
    return CampaignsAnswer(
        [
            CampaignOut(
                id=campaign.pk,
                name=campaign.name,
                kind=campaign.kind,  # type: ignore[arg-type]
                state=campaign.state_at(at).value,  # type: ignore[arg-type]
                token_id=campaign.token_id,
                starts_at=instant_text(campaign.starts_at),
                ends_at=instant_text(campaign.ends_at) if campaign.ends_at is not None else None,
            )
            for campaign in campaigns
        ]
    )

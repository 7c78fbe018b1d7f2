"""The tables of the users app."""

from users.models.approvals import Approval, ApprovalKind, ApprovalState
from users.models.audit import AuditEntry, AuditKind
from users.models.brands import Brand, Staff
from users.models.emails import Email, EmailTemplate
from users.models.keys import ApiKey, Scope
from users.models.members import Member
from users.models.memberships import Membership, PartnerProgramme
from users.models.oauth import OAuthClient, RetailScope
from users.models.refusals import Refusal
from users.models.second_factors import Authenticator
from users.models.segments import Segment, SegmentDraft, SegmentDue, SegmentKind, SegmentMember
from users.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "ApiKey",
    "Approval",
    "ApprovalKind",
    "ApprovalState",
    "AuditEntry",
    "AuditKind",
    "Authenticator",
    "Brand",
    "Email",
    "EmailTemplate",
    "Member",
    "Membership",
    "OAuthClient",
    "PartnerProgramme",
    "Refusal",
    "RetailScope",
    "Scope",
    "Segment",
    "SegmentDraft",
    "SegmentDue",
    "SegmentKind",
    "SegmentMember",
    "Staff",
    "WebhookDelivery",
    "WebhookEndpoint",
]

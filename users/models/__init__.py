"""The tables of the users app."""

from users.models.approvals import Approval, ApprovalKind, ApprovalState
from users.models.apps import App, ConsentChange, SigningKey
from users.models.audit import AuditEntry, AuditKind
from users.models.brands import Brand, Staff
from users.models.changes import MemberChange
from users.models.emails import Email, EmailTemplate
from users.models.keys import ApiKey, Scope
from users.models.members import Consent, Member
from users.models.memberships import Membership, PartnerProgramme
from users.models.oauth import OAuthClient, RetailScope
from users.models.refusals import Refusal
from users.models.second_factors import Authenticator
from users.models.segments import Segment, SegmentDraft, SegmentDue, SegmentKind, SegmentMember
from users.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "ApiKey",
    "App",
    "Approval",
    "ApprovalKind",
    "ApprovalState",
    "AuditEntry",
    "AuditKind",
    "Authenticator",
    "Brand",
    "Consent",
    "ConsentChange",
    "Email",
    "EmailTemplate",
    "Member",
    "MemberChange",
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
    "SigningKey",
    "Staff",
    "WebhookDelivery",
    "WebhookEndpoint",
]

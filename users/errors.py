"""What the users app refuses."""

from loyalty.errors import LoyaltyError


class UserNotFound(LoyaltyError):
    """No member of this brand has that auth_id."""

    code = "user_not_found"
    detail = "User not found"


class AuthIdTaken(LoyaltyError):
    """Another member of the brand has that auth_id."""

    code = "auth_id_taken"
    detail = "auth_id: another user of this brand has it"


class MergeRefused(LoyaltyError):
    """The two cannot be merged; the detail says why."""

    code = "merge_refused"
    detail = "These members cannot be merged"


class AlreadyMerged(LoyaltyError):
    """The duplicate was merged before, and is not merged twice."""

    code = "already_merged"
    detail = "This member was merged into another already"


class EmailNotFound(LoyaltyError):
    """The brand has no such e-mail."""

    code = "email_not_found"
    detail = "E-mail not found"


class EmailNotSendable(LoyaltyError):
    """The e-mail is on its way still, or nobody is left to send it to."""

    code = "email_not_sendable"
    detail = "This e-mail is on its way still"


class InvalidApiKey(LoyaltyError):
    """The key is unknown, expired or revoked."""

    code = "invalid_api_key"
    detail = "Invalid API Key"


class InvalidToken(LoyaltyError):
    """The bearer token is unknown, expired or revoked."""

    code = "invalid_token"
    detail = "Invalid or expired access token"


class CredentialsWrong(LoyaltyError):
    """The app is unknown or revoked, its secret or signature wrong, or the signature too old."""

    code = "credentials_wrong"
    detail = "The app is unknown, or its secret, signature or timestamp is wrong"


class AppNotFound(LoyaltyError):
    """The brand has no such app."""

    code = "app_not_found"
    detail = "There is no such app"


class ConsentRefused(LoyaltyError):
    """The member has refused that their data are used for this."""

    code = "consent_refused"
    detail = "This user has refused consent"


class IdentificationInvalid(LoyaltyError):
    """The cookie is missing, was tampered with or has expired, or its member is gone."""

    code = "identification_invalid"
    detail = "The identification is missing, invalid or expired"


class MembershipNotFound(LoyaltyError):
    """The member has no membership there."""

    code = "membership_not_found"
    detail = "Membership not found"


class InvalidExchangeProvider(LoyaltyError):
    """No programme or brand of that name takes memberships."""

    code = "invalid_exchange_provider"
    detail = "Invalid exchange provider"


class InvalidMembershipNumber(LoyaltyError):
    """The number cannot be one of that programme; the detail says why."""

    code = "invalid_membership_number"
    detail = "Invalid membership number"


class ApprovalNotFound(LoyaltyError):
    """The brand has no such approval that these staff may decide about."""

    code = "approval_not_found"
    detail = "There is no such approval"


class ApprovalDecided(LoyaltyError):
    """Somebody has decided, or it has expired: the first decision stands."""

    code = "approval_decided"
    detail = "This has been decided already"


class OwnApproval(LoyaltyError):
    """Nobody decides about what they asked for themselves."""

    code = "own_approval"
    detail = "You asked for this yourself: somebody else must decide"


class NotSecondPerson(LoyaltyError):
    """The same person may sit at both accounts: one let the other in, or somebody let in both."""

    code = "not_second_person"
    detail = (
        "One of you let the other in, or the same person let in both:"
        " somebody whom the house or another manager let in must decide"
    )


class NotAsker(LoyaltyError):
    """Only who asked can withdraw."""

    code = "not_asker"
    detail = "Only who asked for this can withdraw it"


class AlreadyAsked(LoyaltyError):
    """The very same waits for a decision already."""

    code = "already_asked"
    detail = "This has been asked for, and waits for a decision"


class FormAlreadySent(LoyaltyError):
    """The form was sent before, with other content."""

    code = "form_already_sent"
    detail = "This form was sent before with other content: open it anew"


class WebhookEndpointNotFound(LoyaltyError):
    """The brand has no such endpoint."""

    code = "webhook_endpoint_not_found"
    detail = "Webhook endpoint not found"


class WebhookEndpointInactive(LoyaltyError):
    """The endpoint is switched off: nothing is sent there."""

    code = "webhook_endpoint_inactive"
    detail = "The webhook endpoint is switched off"


class ApiKeyNotFound(LoyaltyError):
    """The brand has no such key."""

    code = "api_key_not_found"
    detail = "There is no such API key"


class CredentialInactive(LoyaltyError):
    """A key or client that is revoked, expired or replaced can be given no successor."""

    code = "credential_inactive"
    detail = "It is revoked, expired or replaced already"


class CredentialMade(LoyaltyError):
    """The same form was sent before: what it asked for is made, and its secret was shown then."""

    code = "credential_made"
    detail = "It was made already, when this form was sent first; its secret was shown then"


class SecretReplaced(LoyaltyError):
    """Since the page was read someone else replaced the secret, or the form was sent twice."""

    code = "secret_replaced"
    detail = "The secret was replaced meanwhile: look again before you replace it once more"


class OAuthClientNotFound(LoyaltyError):
    """The brand has no such client."""

    code = "oauth_client_not_found"
    detail = "There is no such OAuth client"


class SecondFactorRefused(LoyaltyError):
    """The code is wrong, was used before, or came too soon after a wrong one."""

    code = "second_factor_refused"
    detail = "The code is wrong or was used before. After a wrong code wait a moment before you try the next one"


class StaffNotFound(LoyaltyError):
    """The brand has no such staff."""

    code = "staff_not_found"
    detail = "Nobody of the staff is called that"


class UsernameTaken(LoyaltyError):
    """Someone of some brand signs in by that name."""

    code = "username_taken"
    detail = "This name is taken"


class RightsExceeded(LoyaltyError):
    """They would decide about more rights than they hold."""

    code = "rights_exceeded"
    detail = "Nobody decides about rights that they do not hold themselves"


class NotOwnAccount(LoyaltyError):
    """One's own account is for others to decide about."""

    code = "not_own_account"
    detail = "Someone else has to do this for you"


class WebhookUnderWay(LoyaltyError):
    """A delivery that is queued, dropped or empty is not sent again."""

    code = "webhook_under_way"
    detail = "It is on its way already, was dropped, or its words are gone"


class SegmentNotFound(LoyaltyError):
    """The brand has no such segment."""

    code = "segment_not_found"
    detail = "Segment not found"


class SegmentNameTaken(LoyaltyError):
    """Another segment of the brand is called that."""

    code = "segment_name_taken"
    detail = "name: another segment of this brand has it"


class SegmentByRule(LoyaltyError):
    """The segment's rule says who is in it, and nobody else."""

    code = "segment_by_rule"
    detail = "This segment is kept by its rule: nobody is added or removed by hand"


class SegmentDraftNotFound(LoyaltyError):
    """It was taken, replaced, or is someone else's."""

    code = "segment_draft_not_found"
    detail = "This file is not there any more: upload it again"

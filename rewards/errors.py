"""What the rewards app refuses."""

from datetime import datetime

from loyalty.errors import FieldError, LoyaltyError


class CampaignNotFound(LoyaltyError):
    """The brand has no campaign of that id."""

    code = "campaign_not_found"
    detail = "Invalid campaign id"


class CampaignNotRunning(LoyaltyError):
    """The campaign is a draft, paused, ended, or outside of its dates."""

    code = "campaign_not_running"
    detail = "The campaign is not running"


class CampaignOutOfBudget(LoyaltyError):
    """The codes would be worth, or be, more than the campaign may issue."""

    code = "campaign_out_of_budget"
    detail = "The campaign's budget is used up"


class CampaignLimitReached(LoyaltyError):
    """The member has redeemed as many codes of the campaign as one member may."""

    code = "campaign_limit_reached"
    detail = "This user has redeemed as many codes of the campaign as one user may"


class MoveNotAllowed(LoyaltyError):
    """From where it stands it cannot go there."""

    code = "move_not_allowed"
    detail = "This move is not allowed from where it stands"


class CodeLengthTooShort(LoyaltyError):
    """At that length there are too few codes."""

    code = "code_length_too_short"
    detail = "Code length too short"


class CodeReferenceUsed(LoyaltyError):
    """The brand has a code with that reference_id."""

    code = "reference_already_used"
    detail = "reference_id: already used by another code"


class CodeBatchNotFound(LoyaltyError):
    """There is no batch of that id."""

    code = "code_batch_not_found"
    detail = "There is no such batch of codes"


class CodeBatchUnfinished(LoyaltyError):
    """The batch lacks codes still."""

    code = "code_batch_unfinished"
    detail = "The batch is not finished"


class CodeNotFound(LoyaltyError):
    """The brand has no such code."""

    code = "code_not_found"
    detail = "Code not found"


class InvalidCode(LoyaltyError):
    """No code that this user could redeem so: unknown, of another kind, expired, revoked, or someone else's by now."""

    code = "invalid_code"
    detail = "Invalid code"


class CodeAlreadyRedeemed(LoyaltyError):
    """The very user has redeemed the code."""

    code = "code_already_redeemed"
    detail = "This user has redeemed this code already"


class TooManyCodeTries(LoyaltyError):
    """Too many wrong codes were tried; `retry_after_seconds` says when the next try is free."""

    code = "too_many_code_tries"
    detail = "Too many codes were tried that do not exist"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds


class RewardTypeNotFound(LoyaltyError):
    """The brand has no reward type of that id."""

    code = "reward_type_not_found"
    detail = "Reward type not found"


class RewardTypeNotAvailable(LoyaltyError):
    """The reward type is not offered, or not now."""

    code = "reward_type_not_available"
    detail = "This reward type is not available"


class PoolDraftNotFound(LoyaltyError):
    """The file that was looked at is not there any more."""

    code = "pool_draft_not_found"
    detail = "This file was taken already, or replaced by another; upload it again"


class WrongPrice(LoyaltyError):
    """The amount is not the price."""

    code = "invalid_amount"


class OutOfStock(LoyaltyError):
    """Nothing of it is left."""

    code = "out_of_stock"
    detail = "Out of stock"


class RewardLimitReached(LoyaltyError):
    """The member has as many of it as one member may."""

    code = "reward_limit_reached"
    detail = "This user has as many of this reward as one user may"


class GiftOrderNotFound(LoyaltyError):
    """The brand has no order of that id."""

    code = "order_not_found"
    detail = "Order not found"


class RewardNotFound(LoyaltyError):
    """The brand has no reward with that code."""

    code = "reward_not_found"
    detail = "Reward not found"


class RewardAlreadyUsed(LoyaltyError):
    """The reward was used before."""

    code = "reward_already_used"
    detail = "This reward was used already"


class RewardCancelled(LoyaltyError):
    """The gift was cancelled or returned, and the points given back."""

    code = "reward_cancelled"
    detail = "This reward was cancelled or returned"


class CollectibleNotFound(LoyaltyError):
    """The brand has no item of that id that belongs to someone."""

    code = "nft_not_found"
    detail = "NFT not found"


class PersonalisationNotPending(LoyaltyError):
    """There is nothing to decide: no wish, or one that was decided, and then it is told by whom, how and when."""

    code = "personalisation_not_pending"
    detail = "No personalisation of this NFT is pending"

    def __init__(self, *, status: str | None, decided_by: str, decided_at: datetime) -> None:
        super().__init__()
        self.status, self.decided_by, self.decided_at = status, decided_by, decided_at


class PersonalisationChanged(LoyaltyError):
    """The owner asks for something else by now than what was looked at."""

    code = "personalisation_changed"
    detail = "The owner has changed the wish meanwhile"


class PersonalisationApproved(LoyaltyError):
    """The personalisation was approved, and stays."""

    code = "personalisation_approved"
    detail = "The personalisation of this NFT is approved already"


class ProgrammeMissing(LoyaltyError):
    """Nobody has said yet which token the brand's baskets earn in."""

    code = "programme_missing"
    detail = "The brand has no programme yet: staff choose its token in the back office"


class UnknownCurrency(LoyaltyError):
    """The brand does not count in this currency."""

    code = "unknown_currency"


class EarningNotFound(LoyaltyError):
    """The brand has no earning of that transaction_id."""

    code = "earning_not_found"
    detail = "Earning not found"


class TransactionIdReused(LoyaltyError):
    """The transaction_id was used with another content."""

    code = "transaction_id_reused"
    detail = "transaction_id: already used with another content"


class ReversalIdReused(LoyaltyError):
    """The reversal_id was used with another content."""

    code = "reversal_id_reused"
    detail = "reversal_id: already used with another content"


class AlreadyReversed(LoyaltyError):
    """Nothing of the basket is left to come back."""

    code = "already_reversed"
    detail = "Nothing of this earning is left to be reversed"


class PointsAlreadySpent(LoyaltyError):
    """The member has spent what was to be taken back."""

    code = "points_already_spent"
    detail = "The points are spent already"


class FirstAnswerErased(LoyaltyError):
    """The request was answered once; what was said went with the member who was erased."""

    code = "answer_erased"
    detail = "The first answer was erased together with the user it was about"


class PromotionNotFound(LoyaltyError):
    """The brand has no promotion of that id."""

    code = "promotion_not_found"
    detail = "Promotion not found"


class PromotionMoveNotAllowed(MoveNotAllowed):
    """From where the promotion stands it cannot go there."""


class UnknownLanguage(LoyaltyError):
    """The brand does not speak that language."""

    code = "unknown_language"
    detail = "language: the brand does not speak this language"


class CategoryNotFound(LoyaltyError):
    """The brand has no category of that code."""

    code = "category_not_found"
    detail = "category: the brand has no category of this code"


class SegmentCountTooSlow(LoyaltyError):
    """The rule asks for so much that its members are not counted while somebody waits."""

    code = "segment_count_too_slow"
    detail = "Counting takes too long: save the segment, and look at its members in some minutes"


class UnknownEvent(LoyaltyError):
    """The brand offers no action of that tag."""

    code = "unknown_event"
    detail = "event_code: no action is called so"


class EventIdReused(LoyaltyError):
    """The partner's event_id came before, with other content."""

    code = "event_id_reused"
    detail = "event_id: this was used for something else"


class ActionAlreadyDone(LoyaltyError):
    """The member was given points for the action under that very parameter."""

    code = "action_already_done"
    detail = "This action was rewarded already"


class LimitReached(LoyaltyError):
    """The member has done the action as often as one member may; the errors say within what."""

    code = "limit_reached"
    detail = "This action was rewarded as often as it is"


class ConditionsNotMet(LoyaltyError):
    """The action asks for something that is not so: of its properties, its dates or its segments; the errors say which."""

    code = "conditions_not_met"
    detail = "This is not what the action rewards"


class CursorExpired(LoyaltyError):
    """Whoever goes on from that cursor misses something: the follower has to begin anew."""

    code = "cursor_expired"
    detail = "since: this is too old; begin again without it"

    def __init__(self) -> None:
        super().__init__(errors=[FieldError("since", self.code, "too old; begin again without it")])


class FeedBusy(LoyaltyError):
    """Nobody can begin to follow now: a transaction runs for long, and what it writes would be missed."""

    code = "feed_busy"
    detail = "Something that takes long is being written; ask again in a moment"
    retry_after_seconds = 5


class InboxItemSettled(LoyaltyError):
    """The item is not parked: it waits, or has its outcome."""

    code = "inbox_item_settled"
    detail = "It waits, or its outcome is known"

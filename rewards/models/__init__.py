"""The tables of the rewards app."""

from rewards.models.actions import Action, ActionGain, ActionSegment, ActionUse, Frequency
from rewards.models.ads import Ad, AdDay, AdKind, AdSegment, AdText
from rewards.models.campaigns import Campaign, CampaignKind, CampaignState, CampaignUse
from rewards.models.catalogue import (
    Category,
    CategoryText,
    Fulfilment,
    Location,
    PoolDraft,
    RewardType,
    RewardTypeLocation,
    RewardTypeSegment,
    RewardTypeText,
)
from rewards.models.codes import BatchState, Code, CodeBatch, CodeTries
from rewards.models.collectibles import Collectible, CollectibleSupply, Personalisation
from rewards.models.earnings import Earning, EarningReversal
from rewards.models.inbox import InboxItem, InboxState
from rewards.models.looks import LedgerLook
from rewards.models.promotions import (
    BaseRate,
    Programme,
    Promotion,
    PromotionSegment,
    PromotionState,
    PromotionUse,
    PromotionVersion,
)
from rewards.models.ranking import RankingMark, RankNode, RankScore
from rewards.models.rewards import GiftOrder, GiftOrderMove, Reward
from rewards.models.rollups import CodeMark, DailyCodes, RedeemedCodes, RedemptionMark
from rewards.models.vouchers import VoucherClaim

__all__ = [
    "Action",
    "ActionGain",
    "ActionSegment",
    "ActionUse",
    "Ad",
    "AdDay",
    "AdKind",
    "AdSegment",
    "AdText",
    "BaseRate",
    "BatchState",
    "Campaign",
    "CampaignKind",
    "CampaignState",
    "CampaignUse",
    "Category",
    "CategoryText",
    "Code",
    "CodeBatch",
    "CodeMark",
    "CodeTries",
    "Collectible",
    "CollectibleSupply",
    "DailyCodes",
    "Earning",
    "EarningReversal",
    "Frequency",
    "Fulfilment",
    "GiftOrder",
    "GiftOrderMove",
    "InboxItem",
    "InboxState",
    "LedgerLook",
    "Location",
    "Personalisation",
    "PoolDraft",
    "Programme",
    "Promotion",
    "PromotionSegment",
    "PromotionState",
    "PromotionUse",
    "PromotionVersion",
    "RankNode",
    "RankScore",
    "RankingMark",
    "RedeemedCodes",
    "RedemptionMark",
    "Reward",
    "RewardType",
    "RewardTypeLocation",
    "RewardTypeSegment",
    "RewardTypeText",
    "VoucherClaim",
]

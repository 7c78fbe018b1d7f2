"""The tables of the rewards app."""

from rewards.models.campaigns import Campaign, CampaignKind, CampaignState, CampaignUse
from rewards.models.catalogue import Category, Fulfilment, Location, PoolDraft, RewardType, RewardTypeLocation, RewardTypeText
from rewards.models.codes import BatchState, Code, CodeBatch, CodeTries
from rewards.models.collectibles import Collectible, CollectibleSupply, Personalisation
from rewards.models.rewards import GiftOrder, GiftOrderMove, Reward
from rewards.models.rollups import CodeMark, DailyCodes, RedeemedCodes, RedemptionMark

__all__ = [
    "BatchState",
    "Campaign",
    "CampaignKind",
    "CampaignState",
    "CampaignUse",
    "Category",
    "Code",
    "CodeBatch",
    "CodeMark",
    "CodeTries",
    "Collectible",
    "CollectibleSupply",
    "DailyCodes",
    "Fulfilment",
    "GiftOrder",
    "GiftOrderMove",
    "Location",
    "Personalisation",
    "PoolDraft",
    "RedeemedCodes",
    "RedemptionMark",
    "Reward",
    "RewardType",
    "RewardTypeLocation",
    "RewardTypeText",
]

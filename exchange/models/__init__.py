"""The models of the exchange app."""

from exchange.models.changes import PartnershipChange, PartnershipVerb, ProviderChange, ProviderVerb
from exchange.models.differences import Difference, DifferenceKind
from exchange.models.files import AccrualFile, AccrualRecord, AnswerFile, AnswerState
from exchange.models.orders import Act, ExchangeAttempt, ExchangeMove, ExchangeOrder
from exchange.models.partnerships import Partnership, PartnershipState
from exchange.models.providers import AdapterKind, Provider
from exchange.models.rollups import DailyExchanges, ExchangeMark

__all__ = [
    "AccrualFile",
    "AccrualRecord",
    "Act",
    "AdapterKind",
    "AnswerFile",
    "AnswerState",
    "DailyExchanges",
    "Difference",
    "DifferenceKind",
    "ExchangeAttempt",
    "ExchangeMark",
    "ExchangeMove",
    "ExchangeOrder",
    "Partnership",
    "PartnershipChange",
    "PartnershipState",
    "PartnershipVerb",
    "Provider",
    "ProviderChange",
    "ProviderVerb",
]

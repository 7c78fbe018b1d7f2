"""Ads of three kinds."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from loyalty.api.app import documents
from loyalty.api.app.base import UserView
from loyalty.api.app.documents import examples
from loyalty.api.app.envelopes import answered
from loyalty.api.app.programme import LanguageBody
from loyalty.api.app.shapes.ads import AdsData, ad_out
from rewards.models import AdKind
from rewards.selectors.gifts import language_of
from rewards.services.ads import show_ads

ADS: dict[str, Any] = {"body": LanguageBody, "data": AdsData, "example": {"ads": [examples.AD]}, "sent": {"lang": "en"}}


class AdsView(UserView):
    """The ads of a kind that run now for the user."""

    reads = True
    kind: ClassVar[AdKind]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Show them, in order."""
        body = self.read(request, LanguageBody)
        language = language_of(self.member.brand, body.lang)
        ads = show_ads(member=self.member, kind=self.kind.value, language=language, at=timezone.now())
        return answered(AdsData([ad_out(ad, place) for place, ad in enumerate(ads, 1)]))


@documents.call(operation="list_bonus_ads", description="Read the bonus ads that run now for the user, in order.", **ADS)
class BonusAdsView(AdsView):
    """ad/bonus."""

    kind = AdKind.BONUS


@documents.call(operation="list_special_ads", description="Read the special ads that run now for the user, in order.", **ADS)
class SpecialAdsView(AdsView):
    """ad/specials."""

    kind = AdKind.SPECIALS


@documents.call(operation="list_news_ads", description="Read the news that run now for the user, in order.", **ADS)
class NewsAdsView(AdsView):
    """ad/news."""

    kind = AdKind.NEWS

"""Ads."""

from msgspec import Struct

from rewards.models import Ad


class AdOut(Struct):
    """An ad, in the language that its texts were read in."""

    id: str
    title: str
    text: str
    image: str | None
    link: str | None
    order: int


class AdsData(Struct):
    """Ads, the first one first."""

    ads: list[AdOut]


def ad_out(ad: Ad, order: int) -> AdOut:
    """An ad at its place."""
    text = next(iter(ad.texts.all()), None)
    return AdOut(
        id=str(ad.pk),
        title=text.title if text else ad.title,
        text=(text.text if text else "") or ad.text,
        image=ad.image or None,
        link=ad.link or None,
        order=order,
    )

"""Whatever changes a reward type dates it, so that who reads what has changed since an instant misses nothing."""

from collections.abc import Callable

import pytest

from rewards.models import Category, CategoryText, RewardType, RewardTypeSegment, RewardTypeText
from tests.rewards.conftest import again, make_reward_type
from users.models import Segment


@pytest.fixture
def gift(token) -> RewardType:
    return again(make_reward_type(token))


def dates(gift: RewardType, act: Callable[[], object]) -> bool:
    before = again(gift).updated_at
    act()
    return again(gift).updated_at > before


def test_a_change_of_its_own_dates_a_reward_type(gift):
    rows = RewardType.objects.filter(pk=gift.pk)

    assert dates(gift, lambda: rows.update(price=7))
    assert dates(gift, lambda: rows.update(handed_out=1))
    assert dates(gift, lambda: rows.update(updated_at=gift.created_at))


def test_a_text_that_is_given_changed_or_taken_dates_it(gift):
    texts = RewardTypeText.objects.filter(reward_type=gift)

    assert dates(gift, lambda: texts.create(brand=gift.brand, reward_type=gift, language="de", name="Kaffee"))
    assert dates(gift, lambda: texts.update(name="Tee"))
    assert dates(gift, texts.delete)


def test_a_segment_that_is_tied_or_untied_dates_it(gift):
    segment, ties = Segment.objects.create(brand=gift.brand, name="vip"), RewardTypeSegment.objects.filter(reward_type=gift)

    assert dates(gift, lambda: ties.create(brand=gift.brand, reward_type=gift, segment=segment))
    assert dates(gift, ties.delete)


def test_a_change_of_one_dates_no_other(gift, token):
    other = make_reward_type(token)

    assert not dates(gift, lambda: RewardType.objects.filter(pk=other.pk).update(price=7))


def test_a_new_name_of_its_category_dates_it(gift):
    category = Category.objects.create(brand=gift.brand, code="drinks", name="Drinks")
    RewardType.objects.filter(pk=gift.pk).update(category=category)
    rows, texts = Category.objects.filter(pk=category.pk), CategoryText.objects.filter(category=category)

    assert dates(gift, lambda: rows.update(name="Hot drinks"))
    assert dates(gift, lambda: rows.update(code="hot"))
    assert dates(gift, lambda: texts.create(brand=gift.brand, category=category, language="de", name="Getränke"))
    assert dates(gift, texts.delete)
    assert not dates(gift, lambda: rows.update(active=False))

"""The second factor of staff: each code once, tries ever slower, secrets unreadable at rest."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken

from tests.loyalty.backoffice.authenticators import code_of, pair
from tests.loyalty.desk import make_staff
from users.errors import SecondFactorRefused
from users.models import AuditEntry, Authenticator, Staff
from users.services.second_factors import (
    begin_second_factor,
    confirm_second_factor,
    has_second_factor,
    needs_second_factor,
    renew_recovery_codes,
    reset_second_factor,
    verify_second_factor,
)


@pytest.fixture
def clock():
    with time_machine.travel("2026-06-01T12:00:00Z", tick=False) as clock:
        yield clock


@pytest.fixture
def staff(brand) -> Staff:
    return make_staff(brand=brand)


@pytest.fixture
def paired(staff, clock) -> tuple[Authenticator, list[str]]:
    made = pair(staff)
    clock.shift(30)
    return made


def verify(staff: Staff, code: str):
    return verify_second_factor(staff=staff, code=code, at=timezone.now())


def test_an_app_counts_once_its_first_code_was_shown(staff, clock):
    device = begin_second_factor(staff=staff)
    assert not has_second_factor(staff)

    confirm_second_factor(staff=staff, code=code_of(device), at=timezone.now())

    assert has_second_factor(staff)


def test_a_wrong_first_code_pairs_nothing(staff, clock):
    begin_second_factor(staff=staff)

    with pytest.raises(SecondFactorRefused):
        confirm_second_factor(staff=staff, code="000000", at=timezone.now())

    assert not has_second_factor(staff)


def test_what_was_begun_before_is_void(staff, clock):
    first = begin_second_factor(staff=staff)
    begin_second_factor(staff=staff)

    with pytest.raises(SecondFactorRefused):
        confirm_second_factor(staff=staff, code=code_of(first), at=timezone.now())


def test_a_code_is_taken_once(staff, paired):
    device, _ = paired
    code = code_of(device)
    assert verify(staff, f" {code[:3]} {code[3:]} ").pk == device.pk

    with pytest.raises(SecondFactorRefused):
        verify(staff, code)


def test_the_code_that_paired_the_app_lets_nobody_in(staff, clock):
    device = begin_second_factor(staff=staff)
    code = code_of(device)
    confirm_second_factor(staff=staff, code=code, at=timezone.now())

    with pytest.raises(SecondFactorRefused):
        verify(staff, code)


def test_a_recovery_code_is_taken_once_and_told(staff, paired):
    _, codes = paired
    assert len(set(codes)) == 10
    verify(staff, codes[3].upper())

    with pytest.raises(SecondFactorRefused):
        verify(staff, codes[3])

    assert AuditEntry.objects.filter(staff=staff, after={"second_factor": "recovery code used"}).count() == 1
    assert StaticToken.objects.filter(device__user=staff).count() == 9


def test_renewed_recovery_codes_void_those_before(staff, paired):
    _, codes = paired
    (new, *_) = renew_recovery_codes(staff=staff, at=timezone.now())

    with pytest.raises(SecondFactorRefused):
        verify(staff, codes[0])

    later = timezone.now() + timedelta(seconds=5)
    with time_machine.travel(later, tick=False):
        verify(staff, new)


@pytest.mark.parametrize("of_app", [True, False], ids=["app", "recovery code"])
def test_after_wrong_codes_even_right_ones_are_refused_for_a_while(staff, paired, clock, of_app):
    device, codes = paired
    wrong = "000000" if of_app else "aaaaaa-aaaaaa"
    for seconds in (0, 1, 2):
        clock.shift(seconds)
        with pytest.raises(SecondFactorRefused):
            verify(staff, wrong)

    with pytest.raises(SecondFactorRefused):
        verify(staff, code_of(device) if of_app else codes[0])

    clock.shift(5)
    verify(staff, code_of(device) if of_app else codes[0])


def test_refused_tries_are_written_down(staff, paired):
    with pytest.raises(SecondFactorRefused):
        verify(staff, "000000")

    entry = AuditEntry.objects.get(staff=staff, kind="log_in_failed")
    assert (entry.reason, entry.brand) == ("second factor", staff.brand)


def test_nobody_uses_the_code_of_someone_else(brand, staff, paired):
    device, codes = paired
    other = make_staff(brand=brand, username="bob")
    begun = begin_second_factor(staff=other)
    confirm_second_factor(staff=other, code=code_of(begun), at=timezone.now())

    for code in (code_of(device), codes[0]):
        with pytest.raises(SecondFactorRefused):
            verify(other, code)


def test_a_reset_forgets_app_and_codes_and_says_by_whom(brand, staff, paired):
    manager = make_staff(brand=brand, username="manager")

    reset_second_factor(staff=staff, by=manager, at=timezone.now())

    assert not has_second_factor(staff)
    assert not StaticDevice.objects.filter(user=staff).exists()
    entry = AuditEntry.objects.get(staff=manager, subject_id=str(staff.pk))
    assert entry.after == {"second_factor": "reset"}


def test_neither_seed_nor_recovery_code_can_be_read_in_the_database(staff, paired):
    device, codes = paired
    stored = Authenticator.objects.get(pk=device.pk)

    assert stored.bin_key.hex() not in stored.key
    plain = {code.replace("-", "") for code in codes}
    assert not plain & set(StaticToken.objects.filter(device__user=staff).values_list("token", flat=True))


def test_a_seed_is_of_no_use_to_another_owner(brand, staff, paired):
    device, _ = paired
    other = make_staff(brand=brand, username="bob")
    Authenticator.objects.create(user=other, name="copied", key=device.key)

    with pytest.raises(SecondFactorRefused):
        verify(other, code_of(device))


@pytest.mark.parametrize("demanded", [True, False])
def test_a_brand_demands_it_of_its_staff_and_the_house_of_its_own(brand, staff, demanded):
    brand.demands_second_factor = demanded

    assert needs_second_factor(Staff(brand=brand), house_demands=not demanded) is demanded
    assert needs_second_factor(Staff(), house_demands=demanded) is demanded

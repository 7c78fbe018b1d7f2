"""Pools of coupon codes are uploaded from CSV: all of a file or nothing, each bad line told by its number."""

import io
from itertools import chain

import pytest
from django.core.management import CommandError, call_command

from loyalty.errors import InvalidRequest
from rewards.errors import OutOfStock, PoolDraftNotFound, RewardTypeNotFound
from rewards.models import Fulfilment, PoolDraft, Reward
from rewards.services import pools
from rewards.services.pools import BadLines, keep_draft, preview_pool, take_draft, upload_pool
from rewards.services.rewards import HandedOut
from tests.conftest import NOON, make_brand, make_token
from tests.ledger.orders import move
from tests.rewards.conftest import DAY, again, attempt, buy, kinds, make_members, make_reward_type, must_hold, stampede


def upload(reward_type, *lines: str, text: str | None = None) -> int:
    stream = io.StringIO(text if text is not None else "".join(f"{line}\n" for line in lines), newline="")
    return upload_pool(brand_id=reward_type.brand_id, reward_type_id=reward_type.pk, lines=stream)


def codes_of(reward_type) -> list[str]:
    return list(Reward.objects.filter(reward_type=reward_type).order_by("pk").values_list("code", flat=True))


def bad_lines(reward_type, text: str) -> dict[str, str]:
    """What is told about a file that is refused, by line."""
    with pytest.raises(BadLines) as refusal:
        upload(reward_type, text=text)
    assert [error.code for error in refusal.value.errors] == ["bad_line"] * len(refusal.value.errors)
    return {error.field: error.detail for error in refusal.value.errors}


@pytest.fixture
def coupons(token):
    return make_reward_type(token, pool=[])


@pytest.mark.parametrize(
    "text",
    [
        "A-1\nA-2\nB 3\n",
        "A-1\nA-2\nB 3",
        "code\nA-1\nA-2\nB 3\n",
        "CODE\r\nA-1\r\nA-2\r\nB 3\r\n",
        "\ufeffcode\nA-1\nA-2\nB 3\n",
        '"code"\n"A-1"\n"A-2"\n"B 3"\n',
        "code\rA-1\rA-2\rB 3\r",
        " A-1\nA-2  \n B 3\n",
    ],
)
def test_a_file_holds_one_code_a_line_with_a_header_or_without(coupons, text):
    count = upload(coupons, text=text)

    assert count == 3
    assert codes_of(coupons) == ["A-1", "A-2", "B 3"]
    assert (again(coupons).stock, again(coupons).handed_out) == (3, 0)


def test_codes_stay_as_they_are_written(coupons):
    upload(coupons, "aBc-é-ü", "it's 5 % off", "x" * 100)

    assert codes_of(coupons) == ["aBc-é-ü", "it's 5 % off", "x" * 100]


def test_a_quotation_mark_is_no_part_of_a_code(coupons):
    told = bad_lines(coupons, 'A-1\n"say ""so"""\nA"2\nA-3"\n"A-4"\n')

    assert list(told) == ["line 2", "line 3", "line 4"]
    assert codes_of(coupons) == []


def test_a_second_file_adds_to_the_pool(coupons):
    upload(coupons, "A-1")

    upload(coupons, "A-2", "A-3")

    assert (again(coupons).stock, codes_of(coupons)) == (3, ["A-1", "A-2", "A-3"])


def test_every_bad_line_is_told_by_its_number_and_none_is_taken(coupons, token):
    make_reward_type(token, name="Other", pool=["TAKEN"])

    told = bad_lines(coupons, "code\nA-1\n\nA-1\nA-2,5\n" + "x" * 101 + "\nA/1\nA\x07\nA\x00\nTAKEN\nA;3\n")

    assert told == {
        "line 3": "the line is empty",
        "line 4": "the same as line 2",
        "line 5": "one code a line, and nothing else",
        "line 6": "at most 100 characters",
        "line 7": "printable characters without a slash",
        "line 8": "printable characters without a slash",
        "line 9": "printable characters without a slash",
        "line 11": "one code a line, and nothing else",
    }
    assert (codes_of(coupons), again(coupons).stock) == ([], 0)


def test_codes_that_the_brand_has_are_told_by_their_lines(coupons, token):
    make_reward_type(token, name="Other", pool=["TAKEN"])
    upload(coupons, "A-1")

    told = bad_lines(coupons, "A-3\nTAKEN\nA-2\nA-1\n")

    assert told == dict.fromkeys(["line 2", "line 4"], "the brand has a reward with this code")
    assert (codes_of(coupons), again(coupons).stock) == (["A-1"], 1)


def test_bad_lines_come_in_the_order_of_the_file(coupons, monkeypatch):
    monkeypatch.setattr(pools, "AT_A_TIME", 2)
    upload(coupons, *[f"A-{number}" for number in range(12)])

    told = bad_lines(coupons, "".join(f"A-{number}\n" for number in reversed(range(14))))

    assert list(told) == [f"line {number}" for number in range(3, 15)]


def test_the_refusal_counts_the_bad_lines(coupons):
    with pytest.raises(BadLines, match="2 lines cannot be taken, so none was"):
        upload(coupons, "A/1", "A-1", "A-1")


@pytest.mark.parametrize("text", ["", "code\n", "\ufeffcode"])
def test_a_file_without_codes_is_refused(coupons, text):
    assert bad_lines(coupons, text) == {"line 1": "there is no code"}


def test_a_code_may_be_called_code_but_in_the_first_line(coupons):
    assert upload(coupons, "A-1", "code") == 2


def test_a_quote_that_is_never_closed_is_told_where_it_stands(coupons):
    told = bad_lines(coupons, 'A-1\n"A-2\nA-3\nA-4\n')

    assert list(told) == ["line 2"]


def test_a_line_of_any_length_is_told_by_its_number(coupons):
    told = bad_lines(coupons, "A-1\n" + "x" * 200_000 + "\nA-3\n")

    assert list(told) == ["line 2"]


def test_only_a_pool_takes_codes(brand, token):
    for fulfilment in (Fulfilment.GENERATED, Fulfilment.PHYSICAL):
        with pytest.raises(InvalidRequest, match="does not draw its codes from a pool"):
            upload(make_reward_type(token, fulfilment=fulfilment), "A-1")

    assert not Reward.objects.filter(brand=brand).exists()


def test_a_reward_type_of_another_brand_or_none_takes_no_codes(brand, coupons):
    for brand_id, reward_type_id in ((make_brand().pk, coupons.pk), (brand.pk, -1)):
        with pytest.raises(RewardTypeNotFound):
            upload_pool(brand_id=brand_id, reward_type_id=reward_type_id, lines=["A-1\n"])

    assert codes_of(coupons) == []


def of(reward_type) -> dict[str, int]:
    return {"brand_id": reward_type.brand_id, "reward_type_id": reward_type.pk}


def test_a_preview_tells_new_codes_and_faults_by_line_and_takes_nothing(coupons):
    upload(coupons, "A-1")

    told = preview_pool(**of(coupons), text="code\r\nA-2\r\nA-1\r\nA-2\r\nA/3\r\nA-4\r\n")

    assert told.new == {2: "A-2", 6: "A-4"}
    assert list(told.faults) == [3, 4, 5]
    assert (codes_of(coupons), PoolDraft.objects.filter(reward_type=coupons).count()) == (["A-1"], 0)


def test_a_draft_is_taken_whole_and_once(coupons):
    draft = keep_draft(**of(coupons), actor="staff:1", text="A-1\rA-2\r", at=NOON)

    assert take_draft(**of(coupons), draft_id=draft.pk, actor="staff:1") == 2
    with pytest.raises(PoolDraftNotFound):
        take_draft(**of(coupons), draft_id=draft.pk, actor="staff:1")
    assert (codes_of(coupons), again(coupons).stock) == (["A-1", "A-2"], 2)


def test_a_draft_with_a_fault_is_not_kept(coupons):
    with pytest.raises(BadLines):
        keep_draft(**of(coupons), actor="staff:1", text="A-1\nA\x00\n", at=NOON)


def test_a_draft_whose_codes_came_in_meanwhile_is_refused_and_stays(coupons):
    draft = keep_draft(**of(coupons), actor="staff:1", text="A-1\nA-2\n", at=NOON)
    upload(coupons, "A-2")

    with pytest.raises(BadLines):
        take_draft(**of(coupons), draft_id=draft.pk, actor="staff:1")

    assert codes_of(coupons) == ["A-2"]
    assert PoolDraft.objects.filter(pk=draft.pk).exists()


def test_a_draft_is_its_uploaders_alone_and_the_next_replaces_it(coupons, token):
    first = keep_draft(**of(coupons), actor="staff:1", text="A-1\n", at=NOON)
    other = keep_draft(**of(coupons), actor="staff:2", text="A-2\n", at=NOON)
    keep_draft(**of(coupons), actor="staff:1", text="A-3\n", at=NOON)

    for draft, actor in ((first, "staff:1"), (other, "staff:1")):
        with pytest.raises(PoolDraftNotFound):
            take_draft(**of(coupons), draft_id=draft.pk, actor=actor)
    assert codes_of(coupons) == []


def test_a_draft_that_nobody_took_in_a_day_is_thrown_away(coupons):
    old = keep_draft(**of(coupons), actor="staff:1", text="A-1\n", at=NOON)

    keep_draft(**of(coupons), actor="staff:2", text="A-1\n", at=NOON + 2 * DAY)

    assert not PoolDraft.objects.filter(pk=old.pk).exists()


def test_of_many_who_take_one_draft_at_once_one_does(own_brand):
    coupons = make_reward_type(make_token(own_brand), pool=[])
    draft = keep_draft(**of(coupons), actor="staff:1", text="A-1\nA-2\n", at=NOON)

    outcomes = stampede(lambda _: attempt(lambda: take_draft(**of(coupons), draft_id=draft.pk, actor="staff:1")), range(6))

    assert kinds(outcomes) == {int: 1, PoolDraftNotFound: 5}
    assert again(coupons).stock == 2


def test_two_brands_may_have_the_same_codes(coupons):
    other = make_reward_type(make_token(make_brand()), pool=["A-1"])

    assert upload(coupons, "A-1") == 1
    assert codes_of(other) == ["A-1"]


def test_of_many_who_upload_one_file_at_once_one_is_taken(own_brand):
    """To two reward types, so that not one lock but the codes themselves stand in the way."""
    token = make_token(own_brand)
    kinds_of_coupon = [make_reward_type(token, name=f"Coupon {number}", pool=[]) for number in range(2)]
    lines = [f"A-{number}" for number in range(50)]

    outcomes = stampede(lambda number: upload(kinds_of_coupon[number % 2], *lines), range(8))

    assert kinds(outcomes) == {int: 1, BadLines: 7}
    assert sum(again(kind).stock for kind in kinds_of_coupon) == Reward.objects.filter(brand=own_brand).count() == 50
    assert {len(outcome.errors) for outcome in outcomes if isinstance(outcome, BadLines)} == {50}


def test_a_pool_is_filled_while_it_is_sold_and_counts_exactly(own_brand):
    token = make_token(own_brand)
    coupons, members = make_reward_type(token, pool=["A-1", "A-2"]), make_members(own_brand, 12)
    for member in members:
        move(member, token, 10)
    files = [[f"{name}-1", f"{name}-2"] for name in "BCD"]
    acts = [lambda file=file: upload(coupons, *file) for file in files]
    acts += [lambda member=member: buy(member, coupons) for member in members]

    outcomes = stampede(lambda act: act(), acts)

    sold = kinds(outcomes).get(HandedOut, 0)
    assert set(kinds(outcomes)) <= {int, HandedOut, OutOfStock}
    assert 2 <= sold <= 8
    assert (again(coupons).stock, again(coupons).handed_out) == (8, sold)
    assert Reward.objects.filter(reward_type=coupons, member__isnull=False).count() == sold
    late = [attempt(lambda member=member: buy(member, coupons)) for member in members]
    assert kinds(late).get(HandedOut, 0) == 8 - sold
    assert sorted(codes_of(coupons)) == sorted(chain(["A-1", "A-2"], *files))
    must_hold(own_brand)


def test_the_command_takes_a_file(coupons, tmp_path, capsys):
    file = tmp_path / "pool.csv"
    file.write_bytes("\ufeffcode\r\nA-1\r\nÉ-2\r\n".encode())

    call_command("upload_pool", str(coupons.pk), str(file))

    assert capsys.readouterr().out == "2 codes added to Coffee\n"
    assert codes_of(coupons) == ["A-1", "É-2"]


def test_the_command_lists_bad_lines_and_takes_none(coupons, tmp_path):
    file = tmp_path / "pool.csv"
    file.write_text("A-1\n\nA-1\n")

    with pytest.raises(CommandError) as refusal:
        call_command("upload_pool", str(coupons.pk), str(file))

    assert str(refusal.value).splitlines() == [
        "2 lines cannot be taken, so none was",
        "line 2: the line is empty",
        "line 3: the same as line 1",
    ]
    assert codes_of(coupons) == []


@pytest.mark.parametrize("content", [None, b"A-1\n\xff\n"])
def test_the_command_refuses_a_file_that_it_cannot_read(coupons, tmp_path, content):
    file = tmp_path / "pool.csv"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(CommandError, match=r"^file: "):
        call_command("upload_pool", str(coupons.pk), str(file))

    assert codes_of(coupons) == []


def test_the_command_refuses_a_reward_type_that_does_not_exist(db, tmp_path):
    with pytest.raises(CommandError, match="there is no reward type 999999"):
        call_command("upload_pool", "999999", str(tmp_path / "pool.csv"))

"""`upload_pool`: every code of a file, or none and the reason."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from rewards.models import Fulfilment, Reward, RewardType
from tests.conftest import make_token
from users.models import Brand


@pytest.fixture
def pool(brand: Brand) -> RewardType:
    terms = {"token": make_token(brand), "price": 10, "stock": 0, "fulfilment": Fulfilment.POOL}
    return RewardType.objects.create(brand=brand, name="Tasting", **terms)


@pytest.fixture
def upload(capsys, tmp_path: Path) -> Callable[..., str]:
    """Upload a file of this content; answers what is printed."""

    def run(reward_type: object, content: bytes) -> str:
        (tmp_path / "pool.csv").write_bytes(content)
        call_command("upload_pool", str(reward_type), str(tmp_path / "pool.csv"))
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    "content",
    [
        b"AA-1\nBB-2",
        b"code\nAA-1\nBB-2\n",
        b"\xef\xbb\xbfCode\r\nAA-1\r\nBB-2\r\n",
        b"\xef\xbb\xbfAA-1\nBB-2\n",
        b'code\n"AA-1"\n BB-2 \n',
    ],
    ids=["no last end", "header", "BOM and header", "BOM", "quotes and blanks"],
)
def test_a_pool_takes_every_code_of_a_file(pool, upload, content):
    printed = upload(pool.pk, content)

    pool.refresh_from_db()
    assert printed.strip() == "2 codes added to Tasting"
    assert sorted(Reward.objects.filter(reward_type=pool).values_list("code", flat=True)) == ["AA-1", "BB-2"]
    assert pool.stock == 2


def test_bad_lines_are_listed_by_number_and_nothing_is_taken(pool, upload):
    content = f"code\nGOOD\n\nA,B\n{'x' * 101}\na/b\nGOOD\na\x00b\ncode\nFINE\n".encode()

    with pytest.raises(CommandError) as refusal:
        upload(pool.pk, content)

    pool.refresh_from_db()
    told = dict(line.split(": ", 1) for line in str(refusal.value).splitlines()[1:])
    assert list(told) == ["line 3", "line 4", "line 5", "line 6", "line 7", "line 8"]
    assert told["line 3"] == "the line is empty"
    assert told["line 7"] == "the same as line 2"
    assert "6 lines cannot be taken, so none was" in str(refusal.value)
    assert (pool.stock, Reward.objects.filter(reward_type=pool).count()) == (0, 0)


def test_codes_that_the_brand_has_are_listed_and_nothing_is_taken(pool, upload):
    upload(pool.pk, b"AA-1\nBB-2\n")

    with pytest.raises(CommandError, match=r"1 lines.*\nline 3: the brand has a reward with this code"):
        upload(pool.pk, b"code\nCC-3\nBB-2\n")

    pool.refresh_from_db()
    assert (pool.stock, Reward.objects.filter(reward_type=pool).count()) == (2, 2)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"AA-1\nK\xf6ln\n", "file: .*utf-8"),
        (b"", "line 1: there is no code"),
        (b"code\n", "line 1: there is no code"),
        (b'AA-1\n"BB-2\nCC-3\n', r"line \d"),
        (b'AA-1\n"' + b"B\n" * 100_000, r"line \d"),
    ],
    ids=["Latin-1", "empty", "header alone", "open quote", "open quote before a long rest"],
)
def test_a_file_that_is_no_list_of_codes_is_refused(pool, upload, content, told):
    with pytest.raises(CommandError, match=told):
        upload(pool.pk, content)

    assert not Reward.objects.filter(reward_type=pool).exists()


def test_what_is_wrong_with_an_upload_is_named(pool, upload, tmp_path):
    made = RewardType.objects.create(brand=pool.brand, name="Made", token=pool.token, price=10)

    with pytest.raises(CommandError, match="no reward type 0"):
        upload(0, b"AA-1\n")
    with pytest.raises(CommandError, match="pool"):
        upload(made.pk, b"AA-1\n")
    for path in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(CommandError, match=f"file: .*{path.name}"):
            call_command("upload_pool", str(pool.pk), str(path))
    assert not Reward.objects.filter(brand=pool.brand).exists()

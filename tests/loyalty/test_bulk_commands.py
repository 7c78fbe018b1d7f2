"""`generate_codes`: exactly what was ordered, or nothing and the reason."""

import csv
import hashlib
import resource
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from ledger.models import Token
from ledger.models.tokens import TokenType
from rewards.models import Campaign, CampaignKind, CampaignState, Code, CodeBatch
from rewards.rules.codes import EASIEST_GUESS
from rewards.services.generating import CHUNK, LAST_ID, BatchOrder, open_batch
from tests.conftest import make_token
from tests.rewards.forms import is_well_formed
from users.models import Brand

CLEAR = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
DENSE = {"code_prefix": "ABC", "code_length": 9}  # a million codes, of which a thousand may exist


def make_campaign(brand: Brand, **terms) -> Campaign:
    token = Token.objects.filter(brand=brand, type=TokenType.ERC20).first() or make_token(brand)
    return Campaign.objects.create(**({"brand": brand, "name": "Spring", "token": token, "state": "running"} | terms))


def open_order(campaign: Campaign, *, count: int, value: int = 5, length: int | None = None) -> CodeBatch:
    terms = {"count": count, "value": value, "length": length, "actor": "test"}
    return open_batch(order=BatchOrder(brand_id=campaign.brand_id, campaign_id=campaign.pk, **terms), at=timezone.now())


def codes_of(batch: CodeBatch) -> list[Code]:
    return list(Code.objects.filter(brand_id=batch.brand_id, batch=batch))


@pytest.fixture
def campaign(brand: Brand) -> Campaign:
    return make_campaign(brand)


@pytest.fixture
def generate(capsys) -> Callable[..., str]:
    """Run generate_codes in this process; answers what it printed."""

    def run(*options: object, of: Campaign | None = None) -> str:
        named = ["--campaign", of.pk] if of is not None else []
        call_command("generate_codes", *map(str, [*named, *options]))
        return capsys.readouterr().out

    return run


# --- what is made ---


@pytest.mark.parametrize(
    ("terms", "length"),
    [
        ({}, None),
        ({"code_alphabet": CLEAR, "code_length": 12, "code_check": True}, None),
        ({"code_prefix": "EASTER", "code_length": 16, "code_check": True}, None),
        ({"code_alphabet": CLEAR, "code_length": 10}, 32),
    ],
    ids=["digits", "check", "prefix", "length"],
)
def test_a_batch_is_exactly_what_was_ordered(brand, generate, terms, length):
    campaign = make_campaign(brand, code_lifetime_days=30, **terms)
    options = ["--length", length] if length else []

    printed = generate("--count", 300, "--value", 7, *options, of=campaign)

    batch = CodeBatch.objects.get(campaign=campaign)
    codes, form = codes_of(batch), campaign.code_form(length)
    assert len({code.code for code in codes}) == len(codes) == batch.count == batch.generated == 300
    assert all(is_well_formed(form, code.code) for code in codes)
    assert {(c.value, c.campaign_id, c.brand_id, c.expires_at) for c in codes} == {(7, campaign.pk, brand.pk, batch.expires_at)}
    assert abs(batch.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=5)
    assert (batch.actor, batch.length, batch.value) == ("command", form.length, 7)
    assert batch.created_at <= batch.finished_at
    campaign.refresh_from_db()
    assert (campaign.issued_codes, campaign.issued_points) == (300, 2_100)
    assert f"batch {batch.pk}: 300 codes of {form.length} characters, each worth 7" in printed


def test_the_file_is_what_the_summary_says(campaign, generate, tmp_path):
    output = tmp_path / "codes.csv"
    output.write_text("an older file that everybody may read")
    output.chmod(0o666)

    printed = generate("--count", CHUNK + 1, "--value", 3, "--length", 14, "--output", output, of=campaign)

    with output.open(newline="") as file:
        header, *rows = csv.reader(file)
    known = Code.objects.filter(campaign=campaign).values_list("code", flat=True)
    assert header == ["code", "value", "campaign_id"]
    assert len(rows) == CHUNK + 1
    assert {row[0] for row in rows} == set(known)
    assert {(value, id_) for _, value, id_ in rows} == {("3", str(campaign.pk))}
    assert f"{output}: {CHUNK + 1} rows, SHA-256 {hashlib.sha256(output.read_bytes()).hexdigest()}" in printed
    assert output.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [output]


def test_a_finished_batch_is_exported_again_and_nothing_is_made(campaign, generate, tmp_path):
    first, again = tmp_path / "first.csv", tmp_path / "again.csv"
    generate("--count", 50, "--value", 3, "--output", first, of=campaign)
    generate("--count", 20, "--value", 3, of=campaign)  # whose codes are not the first batch's
    batch = CodeBatch.objects.filter(campaign=campaign).earliest("pk")

    printed = generate("--resume", batch.pk, "--output", again)

    assert again.read_bytes() == first.read_bytes()
    assert "0 made now" in printed
    assert Code.objects.filter(campaign=campaign).count() == 70


def test_a_batch_that_was_only_opened_is_made_by_resume_even_after_the_campaign(campaign, generate):
    batch = open_order(campaign, count=40, value=9)
    Campaign.objects.filter(pk=campaign.pk).update(state=CampaignState.ENDED)

    generate("--resume", batch.pk)

    assert [(code.value, code.expires_at) for code in codes_of(batch)] == [(9, None)] * 40


# --- what is refused ---


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("", r"--campaign, --count, --value"),
        ("--campaign 0 --count 5 --value 5", "no campaign 0"),
        ("--campaign 1180591620717411303424 --count 5 --value 5", "no campaign 1180591620717411303424"),
        ("--campaign spring --count 5 --value 5", "--campaign: invalid int"),
        ("--campaign OURS --count 0 --value 5", "count: from 1 to 1000000000"),
        ("--campaign OURS --count=-5 --value 5", "count: from 1 to 1000000000"),
        ("--campaign OURS --count 1000000001 --value 5", "count: from 1 to 1000000000"),
        ("--campaign OURS --count 5 --value 0", "value: from 1 to 9999999999999"),
        ("--campaign OURS --count 5 --value 10000000000000", "value: from 1 to 9999999999999"),
        ("--campaign OURS --count 5 --value 5 --length 5", "length: from 9 to 32, not 5"),
        ("--campaign OURS --count 5 --value 5 --length 40", "length: at most 32"),
        ("--resume 0", "no such batch"),
        ("--resume 1180591620717411303424", "no such batch"),
        ("--resume 1 --campaign OURS --count 5 --value 5", "--resume goes without"),
        ("--resume 1 --length 12", "--resume goes without"),
        ("--campaign OURS --count 5 --value 5 --output FOLDER/missing/codes.csv", "there is no folder .*missing"),
        ("--campaign OURS --count 5 --value 5 --output .", "--output"),
        ("--campaign OURS --count 5 --value 5 --output /", "--output"),
        ("--campaign OURS --count 5 --value 5 --output /dev/null", "--output: /dev/null is no file"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(campaign, generate, tmp_path, options, told):
    words = options.replace("OURS", str(campaign.pk)).replace("FOLDER", str(tmp_path)).split()

    with pytest.raises(CommandError, match=told):
        generate(*words)

    campaign.refresh_from_db()
    assert not CodeBatch.objects.filter(campaign=campaign).exists()
    assert (campaign.issued_codes, campaign.issued_points) == (0, 0)


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"state": CampaignState.ENDED}, "ended"),
        ({"starts_at": timezone.now() - timedelta(2), "ends_at": timezone.now() - timedelta(1)}, "ended"),
        ({"budget_codes": 99}, "budget"),
        ({"budget_points": 499}, "budget"),
        ({"code_prefix": "EASTER"}, "6 characters at least must be left"),
    ],
    ids=["ended", "over", "codes", "points", "prefix"],
)
def test_what_a_campaign_cannot_bear_is_refused_and_nothing_is_reserved(brand, generate, terms, told):
    campaign = make_campaign(brand, **terms)

    with pytest.raises(CommandError, match=told):
        generate("--count", 100, "--value", 5, of=campaign)

    campaign.refresh_from_db()
    assert (campaign.issued_codes, campaign.issued_points) == (0, 0)
    assert not CodeBatch.objects.filter(campaign=campaign).exists()


def test_a_budget_can_be_used_to_the_last_point(brand, generate):
    campaign = make_campaign(brand, budget_codes=100, budget_points=500)

    generate("--count", 100, "--value", 5, of=campaign)

    with pytest.raises(CommandError, match="budget"):
        generate("--count", 1, "--value", 1, of=campaign)
    campaign.refresh_from_db()
    assert (campaign.issued_codes, campaign.issued_points) == (100, 500)


def test_a_code_for_collectibles_is_worth_no_more_than_can_be_given(brand, generate):
    items = make_token(brand, name="Bean", symbol="BEAN", type=TokenType.ERC721)
    campaign = make_campaign(brand, kind=CampaignKind.NFT, token=items)

    with pytest.raises(CommandError, match="value: at most"):
        generate("--count", 1, "--value", 1_000_000, of=campaign)


@pytest.mark.parametrize(
    ("terms", "count", "told"),
    [
        (DENSE, 1_001, ("one guess in 999 would hit", 10)),
        (DENSE, 2_000_000, ("there are not so many codes", 13)),
        ({"code_length": 9, "code_check": True}, 100_000, ("one guess in 909 would hit", 10)),  # one in 11 has none
    ],
)
def test_too_small_a_code_space_is_refused_with_the_odds_and_the_length_that_would_do(generate, brand, terms, count, told):
    campaign, (odds, needed) = make_campaign(brand, **terms), told

    with pytest.raises(CommandError, match=f"{odds}; {needed} characters would do"):
        generate("--count", count, "--value", 1, of=campaign)

    with pytest.raises(CommandError, match=r"length|characters"):
        generate("--count", count, "--value", 1, "--length", needed - 1, of=campaign)
    assert not CodeBatch.objects.filter(campaign=campaign).exists()
    assert open_order(campaign, count=count, length=needed).length == needed


def test_where_no_length_would_do_a_larger_alphabet_is_asked_for(brand, generate):
    campaign = make_campaign(brand, code_prefix="A" * 20, code_length=32, code_check=True)

    with pytest.raises(CommandError, match="a larger alphabet is needed"):
        generate("--count", 10**9, "--value", 1, of=campaign)


# --- codes that stand close ---


def test_a_dense_code_space_is_filled_to_its_limit_without_a_collision(brand, generate):
    campaign = make_campaign(brand, **DENSE)

    for _ in range(5):
        generate("--count", 200, "--value", 1, of=campaign)

    codes = set(Code.objects.filter(campaign=campaign).values_list("code", flat=True))
    assert len(codes) == 1_000
    with pytest.raises(CommandError, match="one guess in 999"):
        generate("--count", 1, "--value", 1, of=campaign)


def test_a_chunk_that_meets_a_code_of_old_is_drawn_anew(own_brand, generate):
    campaign = make_campaign(own_brand, **DENSE)
    with connection.cursor() as cursor:  # 50,000 revoked codes, which no counter knows: all but surely one is met
        cursor.execute(
            "INSERT INTO rewards_code (brand_id, campaign_id, code, value, revoked_at)"
            " SELECT %s, %s, 'ABC' || lpad((n * 17)::text, 6, '0'), 1, now() FROM generate_series(0, 49999) n",
            [own_brand.pk, campaign.pk],
        )
        cursor.execute(LAST_ID)
        (before,) = cursor.fetchone()

    generate("--count", 200, "--value", 1, of=campaign)

    batch = CodeBatch.objects.get(campaign=campaign)
    assert batch.first_code_id > before, "ids went to a chunk that was refused; else this proved nothing"
    assert len(codes_of(batch)) == batch.generated == 200
    assert Code.objects.filter(campaign=campaign).count() == 50_200


def test_a_form_that_was_narrowed_since_makes_no_codes_that_are_easy_to_guess(brand, generate):
    campaign = make_campaign(brand, code_length=20)
    batch = open_order(campaign, count=2_000, length=10)
    Campaign.objects.filter(pk=campaign.pk).update(code_prefix="ABCD")  # as the admin may

    with suppress(CommandError):
        generate("--resume", batch.pk)

    drawn = min((len(code.code.removeprefix("ABCD")) for code in codes_of(batch)), default=10)
    assert 10**drawn // batch.count >= EASIEST_GUESS


# --- what goes wrong on the way ---


def test_a_file_that_cannot_be_written_loses_no_batch_and_leaves_no_part(campaign, generate, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    folder, output = tmp_path / "full", tmp_path / "codes.csv"
    folder.mkdir()

    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, limits[1]))  # as a full disk
    try:
        with pytest.raises(CommandError, match=r"--output: .*too large"):
            generate("--count", 3_000, "--value", 1, "--output", folder / "codes.csv", of=campaign)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    batch = CodeBatch.objects.get(campaign=campaign)
    assert batch.generated == len(codes_of(batch)) == 3_000
    assert "3000 rows" in generate("--resume", batch.pk, "--output", output)
    assert list(folder.iterdir()) == []

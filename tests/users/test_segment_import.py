"""Members of a segment out of a CSV file."""

import csv
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.conftest import NOON, make_brand, make_member
from tests.segments import by_hand, by_rule, inside
from users.errors import SegmentByRule, SegmentDraftNotFound
from users.models import Segment, SegmentDraft
from users.services import segment_import
from users.services.members import erase_member
from users.services.segment_import import import_members, keep_draft, preview_import, read_lines, take_draft


@pytest.fixture
def segment(brand) -> Segment:
    return by_hand(brand)


@pytest.fixture
def few_at_a_time(monkeypatch) -> None:
    monkeypatch.setattr(segment_import, "AT_A_TIME", 3)


def run(segment: Segment, path: Path, capsys, name: str | None = None) -> str:
    call_command("import_segment", str(segment.brand_id), name or str(segment.pk), str(path))
    return capsys.readouterr().out


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_is_imported_and_bad_lines_are_told(brand, segment, tmp_path, capsys, few_at_a_time):
    members = [make_member(brand) for _ in range(7)]
    stranger = make_member(make_brand())
    names = [one.auth_id for one in members]
    lines = ["\ufeffmember_id", *names[:4], "", "nobody", stranger.auth_id, names[0], "a/b", f'"{names[4]}"', *names[5:]]
    path = written(tmp_path / "vip.csv", "\r\n".join(lines))

    printed = run(segment, path, capsys, name="VIP")

    assert inside(segment) == {one.pk for one in members}
    assert "7 added, 1 in it already, 4 lines rejected" in printed
    with (tmp_path / "vip.rejected.csv").open(newline="") as rejects:
        assert list(csv.reader(rejects)) == [
            ["line", "reason", "member_id"],
            ["6", "there is no id", ""],
            ["7", "there is no such member", "nobody"],
            ["8", "there is no such member", stranger.auth_id],
            ["10", "printable characters without a slash", "a/b"],
        ]


def test_importing_again_changes_nothing(brand, segment, tmp_path, capsys):
    path = written(tmp_path / "vip.csv", "".join(f"{make_member(brand).auth_id}\n" for _ in range(5)))

    first, again = run(segment, path, capsys), run(segment, path, capsys)

    assert "5 added, 0 in it already, 0 lines" in first
    assert "0 added, 5 in it already, 0 lines" in again
    assert not (tmp_path / "vip.rejected.csv").exists()
    assert len(inside(segment)) == 5


def test_an_import_that_was_cut_short_goes_on(brand, segment, few_at_a_time):
    members = [make_member(brand) for _ in range(8)]
    names = [one.auth_id for one in members]

    class Cut(Exception):
        pass

    def cut(tally):
        if tally.lines >= 6:
            raise Cut

    terms = {"brand_id": brand.pk, "segment_id": segment.pk, "clock": lambda: NOON, "reject": print}
    with pytest.raises(Cut):
        import_members(lines=names, tell=cut, **terms)
    assert len(inside(segment)) == 6

    tally = import_members(lines=names, **terms)

    assert (tally.added, tally.already, tally.rejected) == (2, 6, 0)
    assert inside(segment) == {one.pk for one in members}


def test_a_header_names_the_column(brand, segment, tmp_path, capsys):
    member = make_member(brand)
    path = written(tmp_path / "crm.csv", f"name,AUTH_ID,city\nAnn,{member.auth_id},Bern\nBob\n")

    printed = run(segment, path, capsys)

    assert "1 added, 0 in it already, 1 lines rejected" in printed


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"a,b\n", "one id a line, or a header that says which column holds it"),
        (b"caf\xe9\n", "this is no text in UTF-8"),
        (b"x" * 256, "at most 255 characters"),
        (b'"' + b"x" * 200_000 + b'"', "this is no CSV: field larger than field limit (131072)"),
    ],
)
def test_each_fault_is_told(text, fault):
    lines = text.decode(errors="surrogateescape").splitlines(keepends=True)

    assert [line.fault for line in read_lines(lines)] == [fault]


def test_a_file_with_bytes_that_are_no_text_is_written_out_as_it_was(brand, segment, tmp_path, capsys):
    path = written(tmp_path / "old.csv", b"caf\xe9\n")

    run(segment, path, capsys)

    assert b"caf\xe9" in (tmp_path / "old.rejected.csv").read_bytes()


def test_what_cannot_be_is_said(brand, segment, tmp_path):
    ruled, path = by_rule(brand), written(tmp_path / "vip.csv", "x\n")

    for arguments, told in (
        ((brand.pk, segment.pk, tmp_path / "none.csv"), "No such file"),
        ((brand.pk, "nothing", path), "has no segment nothing"),
        ((make_brand().pk, segment.pk, path), "has no segment"),
        ((brand.pk, ruled.pk, path), "kept by its rule"),
    ):
        with pytest.raises(CommandError, match=told):
            call_command("import_segment", *map(str, arguments))


# --- by upload ---


def test_a_file_is_looked_at_before_it_is_taken(brand, segment):
    members = [make_member(brand) for _ in range(3)]
    names = [one.auth_id for one in members]
    before = preview_import(brand_id=brand.pk, segment_id=segment.pk, text=f"{names[0]}\n")
    of = {"brand_id": brand.pk, "segment_id": segment.pk, "actor": "staff:1"}
    draft = keep_draft(**of, member_ids=before.member_ids, at=NOON)
    take_draft(**of, draft_id=draft.pk, at=NOON)

    preview = preview_import(brand_id=brand.pk, segment_id=segment.pk, text="\r\n".join([*names, names[1], "nobody"]))

    assert [line.auth_id for line in preview.fresh] == names[1:]
    assert [line.auth_id for line in preview.already] == [names[0], names[1]]
    assert [(line.number, line.fault) for line in preview.faults] == [(5, "there is no such member")]
    assert inside(segment) == {members[0].pk}


def test_a_draft_is_taken_once_by_whom_it_belongs_to_and_without_the_erased(brand, segment):
    stays, goes = make_member(brand), make_member(brand)
    of = {"brand_id": brand.pk, "segment_id": segment.pk}
    draft = keep_draft(**of, actor="staff:1", member_ids=[stays.pk, goes.pk], at=NOON)
    erase_member(brand_id=brand.pk, auth_id=goes.auth_id, at=NOON)

    with pytest.raises(SegmentDraftNotFound):
        take_draft(**of, draft_id=draft.pk, actor="staff:2", at=NOON)
    count = take_draft(**of, draft_id=draft.pk, actor="staff:1", at=NOON)
    with pytest.raises(SegmentDraftNotFound):
        take_draft(**of, draft_id=draft.pk, actor="staff:1", at=NOON)

    assert (count, inside(segment)) == (1, {stays.pk})


def test_a_second_file_replaces_the_first(brand, segment):
    of = {"brand_id": brand.pk, "segment_id": segment.pk, "actor": "staff:1", "at": NOON}

    keep_draft(**of, member_ids=[])
    second = keep_draft(**of, member_ids=[1])

    assert list(SegmentDraft.objects.filter(brand=brand)) == [second]


def test_a_segment_by_rule_takes_no_file(brand):
    with pytest.raises(SegmentByRule):
        preview_import(brand_id=brand.pk, segment_id=by_rule(brand).pk, text="x")

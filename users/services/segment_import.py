"""Members of a segment out of a CSV file: read as a stream, put in by batches, each line that cannot be taken told."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import NamedTuple

from django.db.models import Q

from loyalty.database import execute_prepared, write
from loyalty.errors import LoyaltyError
from users.errors import SegmentDraftNotFound
from users.models import Member, SegmentDraft, SegmentMember
from users.services.members import check_auth_id
from users.services.segments import HOLD, Outcome, kept_by_hand, place, place_named

AT_A_TIME = 5_000
HEADERS = ("member_id", "auth_id")
UNKNOWN = "there is no such member"
KEPT_FOR = timedelta(days=1)


class Line(NamedTuple):
    """One line of the file: its number, the id in it or what stands there, and what is wrong with it."""

    number: int
    auth_id: str
    fault: str = ""


@dataclass(slots=True)
class Tally:
    """What came of the lines so far."""

    added: int = 0
    already: int = 0
    rejected: int = 0

    @property
    def lines(self) -> int:
        """All of them."""
        return self.added + self.already + self.rejected


def import_members(
    *,
    brand_id: int,
    segment_id: int,
    lines: Iterable[str],
    clock: Callable[[], datetime],
    reject: Callable[[Line], None],
    tell: Callable[[Tally], None] = lambda _tally: None,
) -> Tally:
    """Add the members that a file names, batch by batch: stopped anywhere, it is gone on with by running it again.

    Each line that cannot be taken is handed to `reject`; `tell` hears of every batch.
    Raises SegmentNotFound, SegmentByRule.
    """
    segment = kept_by_hand(brand_id=brand_id, segment_id=segment_id)
    tally, read = Tally(), read_lines(lines)
    while batch := list(islice(read, AT_A_TIME)):
        sound = [line for line in batch if not line.fault]
        put_in = partial(place_named, segment=segment, auth_ids=[line.auth_id for line in sound], at=clock())
        placed = write(put_in)
        outcomes = Counter(one.outcome for one in placed)
        unknown = [
            line._replace(fault=UNKNOWN) for line, one in zip(sound, placed, strict=True) if one.outcome is Outcome.NOT_FOUND
        ]
        faulty = sorted([line for line in batch if line.fault] + unknown)
        for line in faulty:
            reject(line)
        tally.added += outcomes[Outcome.ADDED]
        tally.already += outcomes[Outcome.ALREADY_MEMBER]
        tally.rejected += len(faulty)
        tell(tally)
    return tally


def read_lines(lines: Iterable[str]) -> Iterator[Line]:
    """The ids of a file, one a line; under a header that names a column, the ids in that column.

    A column called member_id or auth_id makes the first line a header.
    """
    reader, column, first = csv.reader(lines), None, True
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(reader.line_num, "", f"this is no CSV: {error}")
            continue
        if first:
            first, names = False, [cell.removeprefix("\ufeff").strip().lower() for cell in row]
            column = next((names.index(header) for header in HEADERS if header in names), None)
            if column is not None:
                continue
            row = [cell.removeprefix("\ufeff") for cell in row]
        yield _judged(reader.line_num, row, column)


def _judged(number: int, row: list[str], column: int | None) -> Line:
    if column is None and len(row) > 1:
        return Line(number, ",".join(row), "one id a line, or a header that says which column holds it")
    text = row[column or 0].strip() if len(row) > (column or 0) else ""
    if not text:
        return Line(number, "", "there is no id")
    if any("\udc80" <= character <= "\udcff" for character in text):
        return Line(number, text, "this is no text in UTF-8")
    try:
        check_auth_id(text)
    except LoyaltyError as refusal:
        return Line(number, text, refusal.errors[0].detail)
    return Line(number, text)


@dataclass(slots=True)
class Preview:
    """What an import would do: lines that would add a member, lines of members who are in already, lines that are faulty."""

    fresh: list[Line] = field(default_factory=list)
    already: list[Line] = field(default_factory=list)
    faults: list[Line] = field(default_factory=list)
    member_ids: list[int] = field(default_factory=list)


def preview_import(*, brand_id: int, segment_id: int, text: str) -> Preview:
    """Judge a file as import_members would, and add nobody. Raises SegmentNotFound, SegmentByRule."""
    segment = kept_by_hand(brand_id=brand_id, segment_id=segment_id)
    preview, seen = Preview(), set[int]()
    read = read_lines(io.StringIO(text, newline=None))
    while batch := list(islice(read, AT_A_TIME)):
        names = [line.auth_id for line in batch if not line.fault]
        found = dict(Member.objects.filter(brand_id=brand_id, auth_id__in=names).values_list("auth_id", "pk"))
        rows = SegmentMember.objects.filter(brand_id=brand_id, segment=segment, member_id__in=found.values())
        seen.update(rows.values_list("member_id", flat=True))
        for line in batch:
            pk = None if line.fault else found.get(line.auth_id)
            if pk is None:
                preview.faults.append(line if line.fault else line._replace(fault=UNKNOWN))
            elif pk in seen:
                preview.already.append(line)
            else:
                seen.add(pk)
                preview.fresh.append(line)
                preview.member_ids.append(pk)
    return preview


def keep_draft(*, brand_id: int, segment_id: int, actor: str, member_ids: list[int], at: datetime) -> SegmentDraft:
    """Keep whom a file would add until that is confirmed, or replaced by the next; what nobody took in a day is thrown away.

    Raises SegmentNotFound, SegmentByRule.
    """

    def effect() -> SegmentDraft:
        segment = kept_by_hand(brand_id=brand_id, segment_id=segment_id)
        drafts = SegmentDraft.objects.filter(brand_id=brand_id)
        drafts.filter(Q(created_at__lt=at - KEPT_FOR) | Q(actor=actor)).delete()
        return SegmentDraft.objects.create(
            brand_id=brand_id, segment=segment, actor=actor, member_ids=member_ids, created_at=at
        )

    return write(effect)


def take_draft(*, brand_id: int, segment_id: int, draft_id: int, actor: str, at: datetime) -> int:
    """Add the members of a draft, once; answers how many came in. Who was erased meanwhile is left out.

    Raises SegmentDraftNotFound (it was taken, replaced, or is someone else's), SegmentNotFound, SegmentByRule.
    """

    def effect() -> int:
        segment = kept_by_hand(brand_id=brand_id, segment_id=segment_id)
        drafts = SegmentDraft.objects.select_for_update().filter(brand_id=brand_id, segment=segment, actor=actor)
        draft = drafts.filter(pk=draft_id).first()
        if draft is None:
            raise SegmentDraftNotFound
        held = [pk for (pk,) in execute_prepared(HOLD, [brand_id, draft.member_ids])]
        draft.delete()
        return len(place(segment=segment, member_ids=held, at=at))

    return write(effect)

"""Pools of coupon codes: uploaded from CSV, all of it or nothing."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q

from loyalty.database import write
from loyalty.errors import FieldError, InvalidRequest
from rewards.errors import PoolDraftNotFound, RewardTypeNotFound
from rewards.models import Fulfilment, PoolDraft, Reward, RewardType

LONGEST = 100
AT_A_TIME = 5_000
HEADER = "code"
KNOWN = "the brand has a reward with this code"
KEPT_FOR = timedelta(days=1)


class BadLines(InvalidRequest):
    """Lines of the file cannot be taken, so none was; `errors` names each by its number."""

    code = "bad_lines"


@dataclass(frozen=True, slots=True)
class PoolPreview:
    """What an upload would do: the codes that are new, by line, and what is wrong with the other lines."""

    new: dict[int, str]
    faults: dict[int, str]


def preview_pool(*, brand_id: int, reward_type_id: int, text: str) -> PoolPreview:
    """Judge a file as upload_pool would, and take nothing. Raises RewardTypeNotFound, InvalidRequest (there is no pool)."""
    _find_pool(brand_id, reward_type_id)
    codes, faults = _judged(lines_of(text))
    known = _known(brand_id, codes)
    faults |= {codes[code]: KNOWN for code in known}
    return PoolPreview({number: code for code, number in codes.items() if code not in known}, dict(sorted(faults.items())))


def lines_of(text: str) -> Iterable[str]:
    """The lines of a file, however they end."""
    return io.StringIO(text, newline=None)


def keep_draft(*, brand_id: int, reward_type_id: int, actor: str, text: str, at: datetime) -> PoolDraft:
    """Keep a file without faults until it is taken, or replaced by the next; what nobody took in a day is thrown away.

    Raises RewardTypeNotFound, BadLines, InvalidRequest (there is no pool).
    """
    _refuse(preview_pool(brand_id=brand_id, reward_type_id=reward_type_id, text=text).faults)

    def effect() -> PoolDraft:
        drafts = PoolDraft.objects.filter(brand_id=brand_id)
        drafts.filter(Q(created_at__lt=at - KEPT_FOR) | Q(actor=actor)).delete()
        terms = {"brand_id": brand_id, "reward_type_id": reward_type_id, "actor": actor}
        return PoolDraft.objects.create(text=text, created_at=at, **terms)

    return write(effect)


def take_draft(*, brand_id: int, reward_type_id: int, draft_id: int, actor: str) -> int:
    """Add the codes of a draft to its pool, all or none, once; answers how many.

    Raises PoolDraftNotFound (it was taken, replaced, or is someone else's), and as upload_pool.
    """

    def effect() -> int:
        drafts = PoolDraft.objects.select_for_update().filter(brand_id=brand_id, reward_type_id=reward_type_id)
        draft = drafts.filter(pk=draft_id, actor=actor).first()
        if draft is None:
            raise PoolDraftNotFound
        count = upload_pool(brand_id=brand_id, reward_type_id=reward_type_id, lines=lines_of(draft.text))
        draft.delete()
        return count

    return write(effect)


def upload_pool(*, brand_id: int, reward_type_id: int, lines: Iterable[str]) -> int:
    """Add the codes of a CSV file, one a line under an optional header `code`, to a pool; answers how many.

    Raises RewardTypeNotFound, BadLines, InvalidRequest (the reward type has no pool).
    """
    codes, faults = _judged(lines)
    _refuse(faults)

    def effect() -> int:
        # Without a lock: what is added is seen by nobody before it is counted, and both are committed together.
        reward_type = _find_pool(brand_id, reward_type_id)
        _refuse({codes[code]: KNOWN for code in _known(brand_id, codes)})
        rewards = (Reward(brand_id=brand_id, reward_type=reward_type, code=code) for code in codes)
        Reward.objects.bulk_create(rewards, batch_size=AT_A_TIME)
        RewardType.objects.filter(brand_id=brand_id, pk=reward_type_id).update(stock=F("stock") + len(codes))
        return len(codes)

    return write(effect)


def _find_pool(brand_id: int, reward_type_id: int) -> RewardType:
    """The reward type. Raises RewardTypeNotFound, InvalidRequest (there is no pool)."""
    reward_type = RewardType.objects.filter(brand_id=brand_id, pk=reward_type_id).first()
    if reward_type is None:
        raise RewardTypeNotFound
    if reward_type.fulfilment != Fulfilment.POOL:
        raise InvalidRequest("This reward type does not draw its codes from a pool")
    return reward_type


def _judged(lines: Iterable[str]) -> tuple[dict[str, int], dict[int, str]]:
    """The codes, each with the number of its line; and by their numbers what is wrong with the other lines."""
    codes: dict[str, int] = {}
    faults: dict[int, str] = {}
    for number, line in enumerate(lines, 1):
        code = line.removeprefix("\ufeff").strip()
        if len(code) > 1 and code[0] == code[-1] == '"':
            code = code[1:-1].replace('""', '"').strip()
        if number == 1 and code.lower() == HEADER:
            continue
        if fault := _fault(code, codes):
            faults[number] = fault
        else:
            codes[code] = number
    if not codes and not faults:
        faults[1] = "there is no code"
    return codes, faults


def _fault(code: str, earlier: dict[str, int]) -> str:
    if not code:
        return "the line is empty"
    if "," in code or ";" in code:
        return "one code a line, and nothing else"
    if '"' in code:
        return "a quotation mark that is not closed, or stands inside"
    if len(code) > LONGEST:
        return f"at most {LONGEST} characters"
    if not code.isprintable() or "/" in code:
        return "printable characters without a slash"
    return f"the same as line {earlier[code]}" if code in earlier else ""


def _known(brand_id: int, codes: dict[str, int]) -> set[str]:
    """Those of the codes that the brand has."""
    wanted, known = list(codes), set[str]()
    for at in range(0, len(wanted), AT_A_TIME):
        rows = Reward.objects.filter(brand_id=brand_id, code__in=wanted[at : at + AT_A_TIME])
        known.update(rows.values_list("code", flat=True))
    return known


def _refuse(faults: dict[int, str]) -> None:
    if faults:
        errors = [FieldError(f"line {number}", "bad_line", fault) for number, fault in sorted(faults.items())]
        raise BadLines(f"{len(errors)} lines cannot be taken, so none was", errors=errors)

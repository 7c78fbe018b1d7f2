"""Pools of coupon codes: uploaded from CSV, all of it or nothing."""

from collections.abc import Iterable

from django.db.models import F

from loyalty.database import write
from loyalty.errors import FieldError, InvalidRequest
from rewards.errors import RewardTypeNotFound
from rewards.models import Fulfilment, Reward, RewardType

LONGEST = 100
AT_A_TIME = 5_000
HEADER = "code"


class BadLines(InvalidRequest):
    """Lines of the file cannot be taken, so none was; `errors` names each by its number."""

    code = "bad_lines"


def upload_pool(*, brand_id: int, reward_type_id: int, lines: Iterable[str]) -> int:
    """Add the codes of a CSV file, one a line under an optional header `code`, to a pool; answers how many.

    Raises RewardTypeNotFound, BadLines, InvalidRequest (the reward type has no pool).
    """
    codes = _read(lines)

    def effect() -> int:
        # Without a lock: what is added is seen by nobody before it is counted, and both are committed together.
        rows = RewardType.objects.filter(brand_id=brand_id, pk=reward_type_id)
        reward_type = rows.first()
        if reward_type is None:
            raise RewardTypeNotFound
        if reward_type.fulfilment != Fulfilment.POOL:
            raise InvalidRequest("This reward type does not draw its codes from a pool")
        _refuse_known(brand_id, codes)
        rewards = (Reward(brand_id=brand_id, reward_type=reward_type, code=code) for code in codes)
        Reward.objects.bulk_create(rewards, batch_size=AT_A_TIME)
        rows.update(stock=F("stock") + len(codes))
        return len(codes)

    return write(effect)


def _read(lines: Iterable[str]) -> dict[str, int]:
    """The codes, each with the number of its line. Raises BadLines."""
    codes: dict[str, int] = {}
    faults: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        code = line.removeprefix("\ufeff").strip()
        if len(code) > 1 and code[0] == code[-1] == '"':
            code = code[1:-1].replace('""', '"').strip()
        if number == 1 and code.lower() == HEADER:
            continue
        if fault := _fault(code, codes):
            faults.append((number, fault))
        else:
            codes[code] = number
    if not codes and not faults:
        faults.append((1, "there is no code"))
    _refuse(faults)
    return codes


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


def _refuse_known(brand_id: int, codes: dict[str, int]) -> None:
    wanted, known = list(codes), []
    for at in range(0, len(wanted), AT_A_TIME):
        rows = Reward.objects.filter(brand_id=brand_id, code__in=wanted[at : at + AT_A_TIME])
        known += list(rows.values_list("code", flat=True))
    _refuse([(codes[code], "the brand has a reward with this code") for code in known])


def _refuse(faults: list[tuple[int, str]]) -> None:
    if faults:
        errors = [FieldError(f"line {number}", "bad_line", fault) for number, fault in sorted(faults)]
        raise BadLines(f"{len(errors)} lines cannot be taken, so none was", errors=errors)

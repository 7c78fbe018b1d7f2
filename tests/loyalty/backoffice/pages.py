"""The pages that are not lists or rows: what each needs, and the rows it can be opened for."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from users.models import Brand


class Page(NamedTuple):
    """One page: whoever holds any of `permissions` gets one of `statuses` for `arguments` of their own brand's rows.

    Answers to an empty POST count, too: a form that lacks something is shown again (200) or says so (302).
    """

    permissions: tuple[str, ...]
    arguments: Callable[[Brand], Iterable[tuple[object, ...]]] = lambda _brand: [()]
    statuses: frozenset[int] = frozenset({200, 302, 405})


OF_EVERYBODY = {"second_factor", "second_factor_set_up", "second_factor_recovery_codes"}
"""Pages about one's own account, of whoever is signed in."""

PAGES: dict[str, Page] = {
    "users_auditentry_export": Page(("users.view_auditentry",)),
}

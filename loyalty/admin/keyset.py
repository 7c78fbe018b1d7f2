"""Lists of the back office that may be long: older and newer instead of numbered pages, an estimate instead of a count."""

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format

from loyalty.keyset import Key, Place, UnknownPlace, Window, estimated_count, read_window

OLDER, NEWER = "older", "newer"


class KeysetPages:
    """What stands below a list: where it goes on, and about how long it is."""

    template_name = "admin/keyset_pages.html"

    def __init__(self, changelist: "KeysetChangeList", window: Window[Any], *, first: bool) -> None:
        key = changelist.key
        self.shown = len(window.rows)
        self.older = _address(changelist, OLDER, key, window.older)
        self.newer = _address(changelist, NEWER, key, window.newer)
        self.newest = changelist.get_query_string() if window.newer is not None else None
        self.searched_to = window.searched_to[0] if window.searched_to is not None else None
        self.count = self.shown if first and window.older is None else None
        estimate = 0 if self.count is not None else changelist.estimate()
        self.estimate = number_format(estimate, force_grouping=True) if estimate > self.shown else ""


def _address(changelist: "KeysetChangeList", name: str, key: Key, place: Place | None) -> str | None:
    return None if place is None else changelist.get_query_string({name: key.written(place)})


class KeysetChangeList(ChangeList):
    """A list that is read by its admin's key. It has no other order, and no pages by number."""

    key: Key
    model_admin: Any

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """Keep the places apart from the filters, so that a filter that is changed begins at the top."""
        self.places = {name: self.params.pop(name, "") for name in (OLDER, NEWER)}
        asked = request.GET.copy()  # the form of the filters sends what the address holds
        for name in (OLDER, NEWER):
            self.filter_params.pop(name, None)
            asked.pop(name, None)
        request.GET = asked  # type: ignore[assignment]
        self.key = self.model_admin.get_key(request)
        return super().get_queryset(request, exclude_parameters)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """The key's."""
        return self.key.ordering()

    def get_ordering_field_columns(self) -> dict[int, Any]:
        """No column of the list says its order."""
        return {}

    def get_results(self, request: HttpRequest) -> None:
        """Read one window of rows; nothing is counted."""
        older, newer = (self.place(name) for name in (OLDER, NEWER))
        window = self.model_admin.read_window(request, self, older=older, newer=newer)
        self.result_list = window.rows
        self.result_count = len(window.rows)
        self.full_result_count = self.result_count  # else the heading would offer to show all
        self.show_full_result_count = self.can_show_all = self.multi_page = False
        self.show_admin_actions = True
        self.paginator = KeysetPages(self, window, first=older is None and newer is None)

    def place(self, name: str) -> Place | None:
        """A place that the address names."""
        try:
            return self.key.read(self.model, self.places[name]) if self.places[name] else None
        except UnknownPlace as refusal:
            raise IncorrectLookupParameters from refusal

    def estimate(self) -> int:
        """About how many rows the list has, to two figures."""
        count: int = self.model_admin.estimate(self)
        step = 10 ** max(len(str(count)) - 2, 0)
        return int(round(count / step) * step)


def _is_indexed(model: type[Model], chosen: dict[str, Any]) -> bool:
    """Whether an index of the brand's rows goes on with the columns that rows are chosen by, or has those rows alone."""
    names, only = {name.split("__")[0] for name in chosen}, Q()
    for name, values in chosen.items():
        only &= _condition(name, values[-1])
    for index in model._meta.indexes:
        columns = [name.lstrip("-") for name in index.fields]
        if columns[:1] == ["brand"] and (index.condition == only or set(columns[1 : 1 + len(names)]) == names):
            return True
    return False


def _condition(name: str, value: Any) -> Q:
    """What one filter of an address chooses, as an index would say it."""
    column, _, lookup = name.partition("__")
    if lookup in {"isnull", "isempty"}:
        return Q(**{f"{column}__isnull": str(value) in {"1", "True"}})
    return Q(**{column: value})


class KeysetMixin:
    """For a model's admin whose table may be long; stands before its other bases.

    `keyset` is the order, in Django's spelling: columns that are never null and together unique, all in one direction.
    For a fast list, an index begins with the brand and goes on with them. `searched_within` may narrow what an index
    finds when filters ask for more than it knows: the list then looks through a bounded number of rows a page.
    """

    keyset: tuple[str, ...] = ("-pk",)
    list_per_page = 50
    sortable_by: Any = ()
    show_full_result_count = False
    list_disable_select_all = True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Lists by key."""
        return KeysetChangeList

    def get_key(self, request: HttpRequest) -> Key:
        """What the list is ordered by."""
        return Key.of(self.keyset)

    def searched_within(self, request: HttpRequest, changelist: KeysetChangeList) -> QuerySet[Any] | None:
        """The rows of an index through which the filtered ones are looked for; None: an index finds them all."""
        chosen = changelist.get_filters_params()
        return self.get_queryset(request) if chosen and not _is_indexed(self.model, chosen) else None  # type: ignore[attr-defined]

    def read_window(
        self, request: HttpRequest, changelist: KeysetChangeList, *, older: Place | None, newer: Place | None
    ) -> Window[Any]:
        """The rows to show."""
        within = self.searched_within(request, changelist)
        size = changelist.list_per_page
        return read_window(changelist.queryset, changelist.key, size=size, older=older, newer=newer, within=within)

    def estimate(self, changelist: KeysetChangeList) -> int:
        """About how many rows the list has."""
        return estimated_count(changelist.queryset)

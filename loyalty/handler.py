"""How a request is taken off the wire."""

from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest


class Request(WSGIRequest):
    """A request in UTF-8. Django would read even the query in whatever charset the content type names, and fail with it."""

    def _set_content_type_params(self, meta: Any) -> None:
        """A content type that nobody can read is none."""
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]
        except (ValueError, TypeError):
            self.content_type, self.content_params = "", {}

    @property
    def encoding(self) -> None:
        """Nothing but the default: the APIs refuse a body that says to be in another."""

    @encoding.setter
    def encoding(self, value: str) -> None:
        """Keep the default."""


class Handler(WSGIHandler):
    """Django's, with our requests."""

    request_class = Request

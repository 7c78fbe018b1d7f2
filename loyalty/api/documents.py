"""The OpenAPI document, Swagger UI and Postman collections: served locally, open to everyone within an address's limit."""

from functools import cache
from typing import Any

import msgspec
from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.renderers import BaseRenderer

from loyalty.api.postman import Dialect, collection
from loyalty.api.throttling import limit_of_address
from loyalty.api.views import Limited


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document; it is the same for everyone while the process lives."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    made: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


@cache
def _rendered(renderer: type[BaseRenderer]) -> bytes:
    return bytes(renderer().render(document(), renderer_context={}))


class SchemaView(Limited, SpectacularAPIView):
    """GET /api/schema/."""

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Hold the caller to the limit of their address."""
        super().initial(request, *args, **kwargs)
        self.throttle(limit_of_address(request))

    def _get_schema_response(self, request: Any) -> HttpResponse:
        kind = request.accepted_renderer
        return HttpResponse(_rendered(kind.__class__), content_type=kind.media_type)


class DocsView(Limited, SpectacularSwaggerSplitView):
    """GET /api/docs/."""

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Hold the caller to the limit of their address."""
        super().initial(request, *args, **kwargs)
        self.throttle(limit_of_address(request))


class CollectionView(Limited):
    """GET /api/docs/<dialect>.postman_collection.json: a dialect as a Postman collection, for the house that was asked."""

    schema = None

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Hold the caller to the limit of their address."""
        super().initial(request, *args, **kwargs)
        self.throttle(limit_of_address(request))

    def get(self, request: Any, dialect: Dialect) -> HttpResponse:
        """The collection, as JSON."""
        made = collection(dialect, document(), origin=request.build_absolute_uri("/").rstrip("/"))
        return HttpResponse(msgspec.json.encode(made), content_type="application/json")

"""Every path of the platform."""

from django.contrib import admin
from django.urls import include, path

from loyalty import health
from loyalty.api import notices
from loyalty.api.app.documents.collection import APP_API
from loyalty.api.documents import CollectionView, DocsView, SchemaView
from loyalty.api.partner.documents.collection import PARTNER
from loyalty.api.retail.documents.collection import RETAIL

COLLECTIONS = {"partner": PARTNER, "retail": RETAIL, "app": APP_API}

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("admin/language/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
    path("api/admin/", include("loyalty.api.partner.urls")),
    path("api/app/", include("loyalty.api.app.urls")),
    path("api/retail/", include("loyalty.api.retail.urls")),
    path("api/exchange/notices/<int:provider_id>", notices.take, name="exchange-notice"),
    path("api/schema", SchemaView.as_view(), name="schema"),
    path("api/docs", DocsView.as_view(url_name="schema"), name="docs"),
    *(
        path(
            f"api/docs/{name}.postman_collection.json",
            CollectionView.as_view(),
            {"dialect": dialect},
            name=f"{name}-collection",
        )
        for name, dialect in COLLECTIONS.items()
    ),
]
handler404 = "loyalty.api.problems.answer_unknown_path"
handler400 = "loyalty.api.problems.answer_bad_request"
handler500 = "loyalty.api.problems.answer_failure"

"""The product's paths, and the reference: a bare DRF view that does one raw SQL posting."""

from django.db import connection
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from loyalty.urls import handler400, handler404, handler500
from loyalty.urls import urlpatterns as product
from tests.benchmarks.world import RAW_POSTING, raw_parameters

__all__ = ["handler400", "handler404", "handler500", "urlpatterns"]


class RawView(APIView):
    """What a Django developer would write who leaves out everything but the points."""

    def post(self, request):
        order = request.data["transaction"]
        with connection.cursor() as cursor:
            cursor.execute(RAW_POSTING, raw_parameters(int(order["account"]), int(order["amount"])))
            row = cursor.fetchone()
        return Response({"data": {"id": row[0], "balance": row[1]}}, status=202)


urlpatterns = [*product, path("raw", RawView.as_view())]

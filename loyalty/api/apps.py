"""What the APIs share, as an app: it keeps the requests that must not act twice."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Holds the idempotency keys."""

    name = "loyalty.api"
    label = "api"

    def ready(self) -> None:
        """Forget what was answered about members that are erased; tell it of those that are exported."""
        from loyalty.api import exporting
        from loyalty.api.idempotency import forget_answers
        from users.signals import member_erased

        member_erased.connect(forget_answers, dispatch_uid="api.forget_answers")
        exporting.listen()

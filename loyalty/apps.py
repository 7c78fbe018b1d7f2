"""The project as an app: its commands, its logs."""

from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    """Sets logging up as soon as Django is ready."""

    name = "loyalty"

    def ready(self) -> None:
        """Configure logs for web, worker, beat and commands alike; make sure the Celery app is the current one."""
        from loyalty import celery, observability

        observability.configure()
        celery.app.set_default()

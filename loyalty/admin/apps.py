"""The back office as an app."""

from importlib import import_module

from django.apps import apps
from django.contrib.admin.apps import SimpleAdminConfig
from django.db.models.signals import post_migrate

PAGES = (
    "accounts",
    "actions",
    "ads",
    "app_clients",
    "audit",
    "campaigns",
    "catalogue",
    "codes",
    "earnings",
    "emails",
    "exchange",
    "explorer",
    "gift_orders",
    "home",
    "inbox",
    "integrations",
    "members",
    "money",
    "partnerships",
    "personalisations",
    "programme",
    "promotions",
    "providers",
    "segments",
    "staff",
    "webhooks",
)


class BackOfficeConfig(SimpleAdminConfig):
    """Puts our site where Django's stands, and our pages on it; what other packages would show is not looked for."""

    default_site = "loyalty.admin.site.BackOfficeSite"

    def ready(self) -> None:
        """Register the pages; give the roles their rights once all apps are migrated."""
        super().ready()
        import_module("loyalty.admin.labels").translate_labels()
        for page in PAGES:
            import_module(f"loyalty.admin.{page}")
        import_module("loyalty.admin.signing_in").watch()
        roles = import_module("loyalty.admin.roles")
        post_migrate.connect(roles.sync_roles, sender=list(apps.get_app_configs())[-1])

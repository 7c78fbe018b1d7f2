"""The admin site as an app."""

from django.contrib.admin.apps import AdminConfig


class HouseAdminConfig(AdminConfig):
    """Puts our site where Django's stands."""

    default_site = "loyalty.admin.site.HouseAdminSite"

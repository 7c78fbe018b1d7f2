"""The users app."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    """Brands, staff, API keys, members, memberships."""

    name = "users"

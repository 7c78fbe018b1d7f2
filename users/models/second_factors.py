"""The second factor of staff: an authenticator app; codes for when it is lost are django-otp's static device."""

from django_otp.plugins.otp_totp.models import TOTPDevice


class Authenticator(TOTPDevice):
    """An authenticator app, whose seed is stored encrypted."""

    class Meta:
        proxy = True
        default_permissions = ()

    @property
    def bin_key(self) -> bytes:
        """The seed in clear. Raises SecretUnreadableError."""
        from users.services.secrets import open_seed  # services know models, so not on top  # noqa: PLC0415

        return open_seed(self.key, owner=self.user_id)

"""The labels of our models, in the language of whoever reads them.

Models name their fields once, in English; marking each of a few hundred names for translation would say everything twice.
Here they are marked all together, before the first page is drawn.
"""

from typing import Any

from django.apps import apps
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

OURS = ("users", "ledger", "rewards", "exchange")


def translate_labels() -> None:
    """Make names of models and fields, help texts and choices of our apps translatable."""
    for app in OURS:
        for model in apps.get_app_config(app).get_models():
            meta: Any = model._meta
            meta.verbose_name, meta.verbose_name_plural = _spoken(meta.verbose_name), _spoken(meta.verbose_name_plural)
            for field in meta.get_fields():
                if hasattr(field, "verbose_name"):
                    field.verbose_name, field.help_text = _spoken(field.verbose_name), _spoken(field.help_text)
                    if getattr(field, "choices", None):
                        field.choices = [(value, _spoken(label)) for value, label in field.choices]


def _spoken(label: Any) -> Any:
    return gettext_lazy(label) if isinstance(label, str) and label and not isinstance(label, Promise) else label

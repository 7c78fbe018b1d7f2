"""The Celery application: workers drain rows, the broker only wakes them."""

import gc
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_init, worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")

app = Celery("loyalty")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def configure_logging(**_: Any) -> None:
    """Keep Celery from setting up logging of its own."""
    from loyalty.observability import configure

    configure()


@worker_init.connect
def hold_servers(**_: Any) -> None:
    """A worker that runs on the embedded servers keeps them up."""
    from loyalty import embedded

    embedded.hold()


@worker_process_init.connect
def keep_what_is_loaded(**_: Any) -> None:
    """What is loaded stays: to look it through for garbage would halt each batch of rows for a while."""
    gc.collect()
    gc.freeze()

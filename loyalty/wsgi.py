"""The WSGI application that the web server runs."""

import gc
import os
from importlib import import_module

import django
from django.conf import settings

from loyalty import embedded
from loyalty.handler import Handler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")

django.setup(set_prefix=False)
application = Handler()
import_module(settings.ROOT_URLCONF)
# What is loaded stays. To look it through for garbage would halt requests for a tenth of a second, again and again.
gc.collect()
gc.freeze()
embedded.hold()

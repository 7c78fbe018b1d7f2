"""The WSGI application that the web server runs."""

import os

import django

from loyalty import embedded
from loyalty.handler import Handler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")

django.setup(set_prefix=False)
application = Handler()
embedded.hold()

"""The WSGI application that the web server runs."""

import os

from django.core.wsgi import get_wsgi_application

from loyalty import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")

application = get_wsgi_application()
embedded.hold()

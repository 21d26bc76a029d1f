"""The door for a WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

from core.starting import require_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "churnguard.settings")
require_settings()
application = get_wsgi_application()

"""Production: everything from the environment, and a refusal to start where something is unsafe (RULES 36)."""

from django.core.exceptions import ImproperlyConfigured

from core import logs
from core.env import env, secret

from .base import *

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = secret("SECRET_KEY")
MODEL_SIGNING_KEY = secret("MODEL_SIGNING_KEY")
CREDENTIALS_KEY = secret("CREDENTIALS_KEY")
MAIL_KEY = secret("MAIL_KEY")
ADDRESS_KEY = secret("ADDRESS_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

_UNSAFE = [
    (DEBUG, "DEBUG is on: unset it in production."),
    (len(SECRET_KEY) < 50, "SECRET_KEY is missing or shorter than 50 characters."),
    (len(MODEL_SIGNING_KEY) < 32, "MODEL_SIGNING_KEY is missing or shorter than 32 characters."),
    (len(CREDENTIALS_KEY) < 32, "CREDENTIALS_KEY is missing or shorter than 32 characters."),
    (len(MAIL_KEY) < 32, "MAIL_KEY is missing or shorter than 32 characters."),
    (len(ADDRESS_KEY) < 32, "ADDRESS_KEY is missing or shorter than 32 characters; it must never change."),
    (not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS, "ALLOWED_HOSTS must name this site's hosts."),
    (not REDIS_URL, "REDIS_URL is missing: production needs Redis or Valkey."),
]
for _wrong, _message in _UNSAFE:
    if _wrong:
        raise ImproperlyConfigured(_message)

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.int("TRUSTED_PROXIES", default=0) else None
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

LOG_FORMAT = env("LOG_FORMAT", default="json")
LOG_STREAM = env("LOG_STREAM", default="stdout")
LOG_DIR = env("LOG_DIR", default=str(VAR_DIR / "log"))
LOGGING = logs.configuration(form=LOG_FORMAT, stream=LOG_STREAM, level=LOG_LEVEL, folder=LOG_DIR, days=LOG_DAYS)

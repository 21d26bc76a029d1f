"""Production: everything from the environment, and a refusal to start where something is unsafe (RULES 36)."""

from django.core.exceptions import ImproperlyConfigured

from core import logs
from core.env import env, secret

from . import safety
from .base import *

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = secret("SECRET_KEY")
SECRET_KEY_FALLBACKS = [key for key in secret("SECRET_KEY_FALLBACKS").split(",") if key]
MODEL_SIGNING_KEY = secret("MODEL_SIGNING_KEY")
CREDENTIALS_KEY = secret("CREDENTIALS_KEY")
MAIL_KEY = secret("MAIL_KEY")
ADDRESS_KEY = secret("ADDRESS_KEY")
REFUSE_KNOWN_PASSWORDS = True  # of the demonstration's people, and of whoever may do everything
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=True)
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=True)
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

if _refusals := safety.refusals(globals()):
    raise ImproperlyConfigured("\n".join(_refusals))

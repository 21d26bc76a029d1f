"""The embedded default: one small machine, no server to install, secrets made at the first start."""

from core.env import env, local_secret, secret

from .base import *

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = secret("SECRET_KEY") or local_secret(VAR_DIR / "secret-key")
MODEL_SIGNING_KEY = secret("MODEL_SIGNING_KEY") or local_secret(VAR_DIR / "model-key")
CREDENTIALS_KEY = secret("CREDENTIALS_KEY") or local_secret(VAR_DIR / "credentials-key")
MAIL_KEY = secret("MAIL_KEY") or local_secret(VAR_DIR / "mail-key")
ADDRESS_KEY = secret("ADDRESS_KEY") or local_secret(VAR_DIR / "address-key")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
WHITENOISE_USE_FINDERS = True

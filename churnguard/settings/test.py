"""Settings of the test suite: fast hashes, no network, files in a temporary folder."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if "VAR_DIR" not in os.environ:
    os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="churnguard-test-")
    atexit.register(shutil.rmtree, os.environ["VAR_DIR"], ignore_errors=True)

from .base import *

DEBUG = False
SECRET_KEY = "test-secret-key-" + "x" * 48
MODEL_SIGNING_KEY = "test-model-key-" + "x" * 48
CREDENTIALS_KEY = "test-credentials-key-" + "x" * 48
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
PRIVATE_ROOT = Path(os.environ["VAR_DIR"]) / "files"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
JOB_HEARTBEAT_SECONDS = 0  # no second thread beside a test's transaction
LOGGING["root"]["level"] = "WARNING"

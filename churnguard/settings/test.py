"""Settings of the test suite: fast hashes, no network, files in a temporary folder."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if "VAR_DIR" not in os.environ:
    os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="churnguard-test-")
    atexit.register(shutil.rmtree, os.environ["VAR_DIR"], ignore_errors=True)
if _worker := os.environ.get("PYTEST_XDIST_WORKER"):  # gw0, gw1…: each with files and a broker's database of its own
    os.environ["VAR_DIR"] += f"/{_worker}"
    if os.environ.get("REDIS_URL", "").count("/") == 2:
        os.environ["REDIS_URL"] += f"/{1 + int(_worker.removeprefix('gw'))}"

from .base import *

# Said once more: base was read before, with this very package, and by then the variable was not set. Else tests looked at the
# backups and figures of a demonstration that was started in the same checkout.
VAR_DIR = Path(os.environ["VAR_DIR"])
BACKUP_DIR = VAR_DIR / "backups"
METRICS_DIR = VAR_DIR / "metrics"
DEBUG = False
SECRET_KEY = "test-secret-key-" + "x" * 48
MODEL_SIGNING_KEY = "test-model-key-" + "x" * 48
CREDENTIALS_KEY = "test-credentials-key-" + "x" * 48
MAIL_KEY = "test-mail-key-" + "x" * 48
ADDRESS_KEY = "test-address-key-" + "x" * 48
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
PRIVATE_ROOT = VAR_DIR / "files"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
# Files are looked for when asked for: else every client of a test looks at all of them first.
WHITENOISE_AUTOREFRESH = True
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
# Every test comes from one address: what limits it is switched on by the tests that are about it.
REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = dict.fromkeys(REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "")
SIGN_IN_RATES = dict.fromkeys(SIGN_IN_RATES, "")
JOB_HEARTBEAT_SECONDS = 0  # no second thread beside a test's transaction
LOGGING["root"]["level"] = "WARNING"

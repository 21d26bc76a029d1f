"""Settings that every way of running shares. What differs stands in dev.py, test.py and prod.py."""

import socket
from pathlib import Path

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from core import logs
from core.env import BASE_DIR, env, secret

from . import offers

VAR_DIR = Path(env("VAR_DIR", default=str(BASE_DIR / "var")))

INSTALLED_APPS = [
    "churnguard.admin_site.ChurnGuardAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "heroicons",
    "import_export",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",  # Swagger's scripts and styles, served by us
    "template_partials.apps.SimpleAppConfig",
    "csp",
    "core",
    "tenants",
    "customers",
    "predictions",
    "segmentation",
    "campaigns",
    "churnguard",
]

MIDDLEWARE = [
    "core.middleware.ObservedMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "core.middleware.BodyLimitMiddleware",
    "core.middleware.ReadableMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "core.middleware.FragmentMiddleware",
    "core.middleware.LoginRequiredMiddleware",
    "tenants.middleware.TenantMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "churnguard.urls"
WSGI_APPLICATION = "churnguard.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                "django.template.loaders.filesystem.Loader",
                                "django.template.loaders.app_directories.Loader",
                            ],
                        )
                    ],
                )
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "heroicons.templatetags.heroicons",
                "template_partials.templatetags.partials",
                "core.templatetags.ui",
            ],
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tenants.context.workspace",
            ],
        },
    },
]

# ---------------------------------------------------------------- data
DATABASE_URL = secret("DATABASE_URL")
if DATABASE_URL:
    DATABASES = {"default": {**env.db_url_config(DATABASE_URL), "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}}
    if DATABASES["default"]["ENGINE"].endswith("postgresql"):
        DATABASES["default"]["ENGINE"] = "core.postgresql"  # Django's, which tells the server the company in scope
        # Questions of a page are short: compiling the plan of a long condition costs more than running it.
        DATABASES["default"].setdefault("OPTIONS", {}).setdefault("options", "-c jit=off")
        DATABASES["default"]["OPTIONS"].setdefault("connect_timeout", 5)  # libpq would wait for ever
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": VAR_DIR / "churnguard.sqlite3",
            "OPTIONS": {
                # Measured with eight writers: Django's default loses 57 % of transactions to locks, this none.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536;",
            },
        }
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = secret("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "churnguard",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},  # no page waits longer for a cache that hangs
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# ---------------------------------------------------------------- people
AUTH_USER_MODEL = "tenants.User"
REFUSE_KNOWN_PASSWORDS = False
LOGIN_URL = "tenants:sign_in"
LOGIN_REDIRECT_URL = "dashboard:dashboard"
LOGOUT_REDIRECT_URL = "tenants:sign_in"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# Wrong passwords that are listened to: for one account, from one address, and on a browser that the account knows; codes of a
# second factor; requests for a new password from one address, and mails with a link to one mailbox.
SIGN_IN_RATES = {
    "account": env("SIGN_IN_RATE_ACCOUNT", default="10/15m"),
    "address": env("SIGN_IN_RATE_ADDRESS", default="50/15m"),
    "browser": env("SIGN_IN_RATE_BROWSER", default="20/15m"),
    "code": env("SIGN_IN_RATE_CODE", default="5/15m"),
    "reset_address": env("PASSWORD_RESET_RATE_ADDRESS", default="30/h"),
    "reset_mailbox": env("PASSWORD_RESET_RATE_MAILBOX", default="3/h"),
}
SESSION_ENGINE = "tenants.session_store"  # rows with whose they are: listed, and ended one by one
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = False  # htmx reads the token from the page, forms from their field
CSRF_FAILURE_VIEW = "core.views.csrf_failure"

# ---------------------------------------------------------------- language and time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = []

# ---------------------------------------------------------------- files
STATIC_URL = "static/"
# Shared by the releases of one site: a page of the last one finds its styles while the next one starts.
STATIC_ROOT = Path(env("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [p for p in (BASE_DIR / "static" / "built", BASE_DIR / "static" / "src") if p.exists()]
# Uploads are private: never under a URL, always read through a view that checks whose they are.
PRIVATE_ROOT = VAR_DIR / "files"
UPLOAD_MAX_BYTES = env.int("UPLOAD_MAX_BYTES", default=512 * 1024 * 1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
IMPORT_MAX_COLUMNS = env.int("IMPORT_MAX_COLUMNS", default=500)
IMPORT_MAX_CELL = env.int("IMPORT_MAX_CELL", default=10_000)
IMPORT_MAX_ROWS = env.int("IMPORT_MAX_ROWS", default=5_000_000)
IMPORT_MAX_UNPACKED_BYTES = env.int("IMPORT_MAX_UNPACKED_BYTES", default=2 * 1024**3)
# The child process that opens a file: how long it may take, and its address space.
IMPORT_READ_SECONDS = env.int("IMPORT_READ_SECONDS", default=600)
IMPORT_READ_MEMORY = env.int("IMPORT_READ_MEMORY", default=512 * 1024 * 1024)
# A file up to this size is read while the person waits, so that a refusal comes back on the form.
IMPORT_READ_AT_ONCE_BYTES = env.int("IMPORT_READ_AT_ONCE_BYTES", default=2 * 1024 * 1024)
IMPORT_READ_AT_ONCE_SECONDS = env.int("IMPORT_READ_AT_ONCE_SECONDS", default=10)
# What an import found in a customer is kept this long: until then it can be taken back, and shows in the history.
IMPORT_UNDO_DAYS = env.int("IMPORT_UNDO_DAYS", default=90)
IMPORT_FILES_DAYS = env.int(
    "IMPORT_FILES_DAYS", default=30
)  # uploads and refused rows are personal data, kept this long

# ---------------------------------------------------------------- the browser's rules
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        # The hash is that of the empty style element, which Plotly adds and fills through the CSSOM.
        "style-src": [SELF, "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "manifest-src": [SELF],
    }
}
PERMISSIONS_POLICY = {name: [] for name in ("camera", "geolocation", "microphone", "payment", "usb")}
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# ---------------------------------------------------------------- who asks
# How many proxies of ours stand before this site: the Nth address of X-Forwarded-For from the right is believed.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)

# ---------------------------------------------------------------- API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.authentication.KeyAuthentication",
        "core.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.permissions.HasCapability"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.parsing.JSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "core.parsing.Negotiation",
    "DEFAULT_SCHEMA_CLASS": "core.openapi.HouseSchema",
    "DEFAULT_THROTTLE_CLASSES": [
        "core.throttles.KeyThrottle",
        "core.throttles.PersonThrottle",
        "core.throttles.AddressThrottle",
    ],
    # At most so many requests, such as 600/min or 50/15m; empty: no limit. ``stranger``: wrong keys from one address.
    "DEFAULT_THROTTLE_RATES": {
        "key": env("API_RATE_KEY", default="1200/min"),
        "person": env("API_RATE_PERSON", default="600/min"),
        "address": env("API_RATE_ADDRESS", default="3000/min"),
        "stranger": env("API_RATE_STRANGER", default="60/min"),
    },
    "EXCEPTION_HANDLER": "core.api.problem",
    "NUM_PROXIES": TRUSTED_PROXIES,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "ChurnGuard",
    "DESCRIPTION": "What programs may do here. Errors are `application/problem+json` with a `code` for programs; a method "
    "that an address does not have is answered 405. With examples: docs/api.md.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": ["core.openapi.complete"],
}

# ---------------------------------------------------------------- jobs
CELERY_BROKER_URL = REDIS_URL or "memory://"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True  # the job's row is the result
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "predictions.tasks.*": {"queue": "ml"},
    "campaigns.tasks.*": {"queue": "mail"},
}
CELERY_TASK_SOFT_TIME_LIMIT = 3_300
CELERY_TASK_TIME_LIMIT = 3_480
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3_600,
    "socket_connect_timeout": 2,
    "socket_timeout": 3,  # a page that asks for a job waits no longer for a broker that hangs
    "max_retries": 1,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# A worker renews its lease while it lives; a killed one is missed after this many seconds.
# Short on purpose, see docs/adr/0003-short-leases.md.
JOB_LEASE_SECONDS = env.int("JOB_LEASE_SECONDS", default=45)
JOB_HEARTBEAT_SECONDS = env.float("JOB_HEARTBEAT_SECONDS", default=10)
JOB_SWEEP_SECONDS = env.float("JOB_SWEEP_SECONDS", default=10)
JOB_MAX_ATTEMPTS = env.int("JOB_MAX_ATTEMPTS", default=5)

# ---------------------------------------------------------------- models
# Keys that signed models before the one in use now: they are still read, `manage.py reseal_models` frees of these keys.
MODEL_SIGNING_KEY_FALLBACKS = [key for key in secret("MODEL_SIGNING_KEY_FALLBACKS").split(",") if key]

# ---------------------------------------------------------------- feeds: data that comes by itself
# Keys that sealed credentials before the one in use now: they still open, `manage.py reseal_credentials` frees of them.
CREDENTIALS_KEY_FALLBACKS = [key for key in secret("CREDENTIALS_KEY_FALLBACKS").split(",") if key]
# Machines of private networks that feeds may read from: names, addresses or networks, each with an optional :port.
FEED_PRIVATE_HOSTS = env.list("FEED_PRIVATE_HOSTS", default=[])
# Folders whose SQLite files feeds may read; none: no feed reads a file of this machine as a database.
FEED_SQLITE_FOLDERS = env.list("FEED_SQLITE_FOLDERS", default=[])
FEED_CA_FILE = env("FEED_CA_FILE", default="")  # certificates that are believed besides the usual ones
FEED_SECONDS = env.int("FEED_SECONDS", default=900)  # to fetch a file or the rows of a query
FEED_MAX_ROWS = env.int("FEED_MAX_ROWS", default=5_000_000)
FEED_SETTLE_SECONDS = env.float("FEED_SETTLE_SECONDS", default=15)  # a file that changed since is still being written
FEED_PAUSE_AFTER = env.int("FEED_PAUSE_AFTER", default=5)  # failures in a row

# ---------------------------------------------------------------- mail to customers
# Mail servers of private networks that a company may name: names, addresses or networks, each with an optional :port.
MAIL_PRIVATE_HOSTS = env.list("MAIL_PRIVATE_HOSTS", default=[])
SMTP_CA_FILE = env("SMTP_CA_FILE", default="")  # certificates that are believed besides the usual ones
SMTP_SECONDS = env.float("SMTP_SECONDS", default=60.0)  # to wait for a server's answer
# Sender processes that work on one campaign at once; SQLite has one writer, so more than one gains nothing there.
MAIL_SENDERS = env.int("MAIL_SENDERS", default=2 if DATABASE_URL else 1)
MAIL_LATE_MINUTES = env.int("MAIL_LATE_MINUTES", default=60)  # a start missed by more asks a person
# An OpenAI-compatible server that drafts messages; empty: the built-in writer does the work.
LLM_BASE_URL = env("LLM_BASE_URL", default="")
LLM_MODEL = env("LLM_MODEL", default="")
LLM_API_KEY = secret("LLM_API_KEY")
LLM_PRIVATE_HOSTS = env.list("LLM_PRIVATE_HOSTS", default=[])  # such as 127.0.0.1:11434, for a model on this machine
LLM_SECONDS = env.float("LLM_SECONDS", default=3.0)
LLM_PRICE_PER_MILLION = env.list("LLM_PRICE_PER_MILLION", cast=float, default=[])  # of prompt and answer tokens
# Keys that signed unsubscribe links before the one in use now: links in old mails work for ever.
MAIL_KEY_FALLBACKS = [key for key in secret("MAIL_KEY_FALLBACKS").split(",") if key]

# ---------------------------------------------------------------- mail to our own users
EMAIL_CONFIG = env.email_url_config(secret("EMAIL_URL") or "consolemail://")
vars().update(EMAIL_CONFIG)
PUBLIC_URL = env("PUBLIC_URL", default="").rstrip(
    "/"
)  # where people reach the site, for links in mails; empty: no links
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="ChurnGuard <no-reply@example.com>")

# ---------------------------------------------------------------- notifications and webhooks
DIGEST_HOUR = env.int("DIGEST_HOUR", default=7)  # of the person's own clock, else the company's
NOTIFICATION_DAYS = env.int("NOTIFICATION_DAYS", default=180)  # kept behind the bell
# Machines of private networks that events may be sent to: names, addresses or networks, each with an optional :port.
WEBHOOK_PRIVATE_HOSTS = env.list("WEBHOOK_PRIVATE_HOSTS", default=[])
WEBHOOK_CA_FILE = env("WEBHOOK_CA_FILE", default="")  # certificates that are believed besides the usual ones
WEBHOOK_SECONDS = env.float("WEBHOOK_SECONDS", default=15)  # for one delivery, names and answer included
WEBHOOK_STOP_AFTER = env.int("WEBHOOK_STOP_AFTER", default=20)  # failed attempts in a row, over at least …
WEBHOOK_STOP_HOURS = env.int("WEBHOOK_STOP_HOURS", default=24)  # … this long
WEBHOOK_DAYS = env.int("WEBHOOK_DAYS", default=30)  # events and deliveries that have ended are kept this long

# ---------------------------------------------------------------- logs
# Readable lines for a console (line) or JSON; to a stream always, and to a file a day where there is a folder.
LOG_FORMAT = env("LOG_FORMAT", default="line")
LOG_STREAM = env("LOG_STREAM", default="stderr")
LOG_LEVEL = env("LOG_LEVEL", default="INFO")
LOG_DIR = env("LOG_DIR", default="")
LOG_DAYS = env.int("LOG_DAYS", default=30)
LOGGING = logs.configuration(form=LOG_FORMAT, stream=LOG_STREAM, level=LOG_LEVEL, folder=LOG_DIR, days=LOG_DAYS)

# ---------------------------------------------------------------- figures: /metrics
METRICS_TOKEN = secret("METRICS_TOKEN")  # who sends it may read them; empty: nobody may by a token
METRICS_NETWORKS = env.list("METRICS_NETWORKS", default=["127.0.0.0/8", "::1/128"])  # who may read them without
METRICS_SECONDS = env.float("METRICS_SECONDS", default=15)  # how long figures from the database are kept
# The processes of one machine count into one folder; a container has a host name, and so a folder, of its own.
METRICS_DIR = Path(env("METRICS_DIR", default=str(VAR_DIR / "metrics" / (socket.gethostname() or "here"))))
DRAIN_SECONDS = env.float("DRAIN_SECONDS", default=0)  # between "not ready" and the end of a site that is asked to stop

# ---------------------------------------------------------------- backups
BACKUP_DIR = Path(env("BACKUP_DIR", default=str(VAR_DIR / "backups")))  # better on another disk
BACKUP_KEY = secret("BACKUP_KEY")  # encrypts what is kept; without it nothing can be restored. Empty: not encrypted
BACKUP_MINUTES = env.int("BACKUP_MINUTES", default=0 if DATABASE_URL else 60)  # between increments; 0: nightly alone
BACKUP_NIGHTLY = env.bool("BACKUP_NIGHTLY", default=True)
BACKUP_HOUR = env.int("BACKUP_HOUR", default=2)  # UTC, of the nightly one
BACKUP_DRILL_DAYS = env.int("BACKUP_DRILL_DAYS", default=7)  # between trial restores; 0: none by itself
BACKUP_KEEP = {
    "last": env.int("BACKUP_KEEP_LAST", default=24),
    "daily": env.int("BACKUP_KEEP_DAILY", default=7),
    "weekly": env.int("BACKUP_KEEP_WEEKLY", default=5),
    "monthly": env.int("BACKUP_KEEP_MONTHLY", default=12),
}
# A role that may read every row, where row-level security binds the site's own; and one that may create databases.
BACKUP_DATABASE_URL = secret("BACKUP_DATABASE_URL")
BACKUP_DRILL_DATABASE_URL = secret("BACKUP_DRILL_DATABASE_URL")
# Names this installation where its processes share no VAR_DIR; empty: a random name in a file there.
INSTANCE_ID = env("INSTANCE_ID", default="")

# ---------------------------------------------------------------- the product
RISK_BANDS = {"medium": 0.30, "high": 0.60}  # where a workspace has not set its own
RAW_DATA_PATH = Path(env("RAW_DATA_PATH", default=str(BASE_DIR / "data" / "raw")))

# ---------------------------------------------------------------- segments
# What segments are called, first by value; more than these are counted on (S6 …).
SEGMENT_LABELS = env.list("SEGMENT_LABELS", default=["S1", "S2", "S3", "S4", "S5"])
# The offers that a company's segments begin with: label -> a text, an offer's fields, or a list of these. JSON in the environment.
COMMERCIAL_OFFERS = env.json("COMMERCIAL_OFFERS", default=offers.COMMERCIAL_OFFERS)
FIGURES_PATH = Path(env("FIGURES_PATH", default=str(BASE_DIR / "data" / "figures")))

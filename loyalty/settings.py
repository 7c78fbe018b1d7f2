"""One file; every difference between machines comes from the environment."""

import os
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import dj_database_url
import dj_email_url
import django_stubs_ext
from celery.schedules import crontab
from csp.constants import NONE, SELF, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured

from loyalty.embedded import Embedded

django_stubs_ext.monkeypatch()  # lets Django's generic classes be subscripted, as the types have them

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("LOYALTY_VAR") or BASE_DIR / "var").resolve()


def _flag(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}


ENVIRONMENT = os.environ.get("LOYALTY_ENV", "development")
PRODUCTION = ENVIRONMENT == "production"
DEBUG = _flag("DEBUG")
SECRET_KEY = os.environ.get("SECRET_KEY", "")
DATABASE_URL = os.environ.get("DATABASE_URL", "")
REDIS_URL = os.environ.get("REDIS_URL", "")
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "") or REDIS_URL

if ENVIRONMENT not in {"development", "production"}:
    raise ImproperlyConfigured(f"LOYALTY_ENV is 'development' or 'production', not {ENVIRONMENT!r}")
if PRODUCTION:
    if not DATABASE_URL or not REDIS_URL:
        raise ImproperlyConfigured("production needs DATABASE_URL and REDIS_URL: the embedded servers are for trying out")
    if not SECRET_KEY:
        raise ImproperlyConfigured("production needs SECRET_KEY")
    if DEBUG:
        raise ImproperlyConfigured("production refuses DEBUG")

# --- the database and Redis: given by URL, or out of wheels under var/ ---
EMBEDDED: Embedded | None = None
if not DATABASE_URL or not REDIS_URL:
    EMBEDDED = Embedded(VAR_DIR, disposable=_flag("LOYALTY_DISPOSABLE"), database=not DATABASE_URL, valkey=not REDIS_URL)
    DATABASE_URL = DATABASE_URL or EMBEDDED.database_url
    CELERY_BROKER_URL = CELERY_BROKER_URL or EMBEDDED.broker_url
    REDIS_URL = REDIS_URL or EMBEDDED.redis_url

SECRET_KEY = SECRET_KEY or "for development only, production refuses to start without a key of its own"
CREDENTIALS_KEY = os.environ.get("CREDENTIALS_KEY", "") or SECRET_KEY  # under which secrets of partners are stored
ALLOWED_HOSTS = [host for host in os.environ.get("ALLOWED_HOSTS", "" if PRODUCTION else "*").split(",") if host]

STATEMENT_TIMEOUT_MS = int(os.environ.get("STATEMENT_TIMEOUT_MS", "15000"))
LOCK_TIMEOUT_MS = int(os.environ.get("LOCK_TIMEOUT_MS", "2000"))
DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=600)}
DATABASES["default"].setdefault("OPTIONS", {}).update(
    {
        "connect_timeout": 5,
        "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"
        " -c idle_in_transaction_session_timeout=30000",
        # Only the ledger's own statements ask to be prepared (loyalty.database); what Django writes never is,
        # so that a history query is never stuck with a generic plan.
        "prepare_threshold": None if _flag("DATABASE_WITHOUT_PREPARE") else 1_000_000,
    }
)
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = _flag("DATABASE_WITHOUT_PREPARE")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # before the admin, whose templates it replaces
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "loyalty.admin.apps.BackOfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "pgtrigger",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "axes",
    "csp",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",  # its models and validator: no path of its leads in
    "loyalty",
    "users",
    "ledger",
    "rewards",
    "exchange",
    "loyalty.api",  # after the ledger: answers about a member are forgotten once nothing can post for them any more
]
MIDDLEWARE = [
    "loyalty.middleware.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "loyalty.middleware.BackOfficeLocaleMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "loyalty.admin.middleware.BackOfficeMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "loyalty.urls"
WSGI_APPLICATION = "loyalty.wsgi.application"
APPEND_SLASH = False
OAUTH2_PROVIDER_APPLICATION_MODEL = "users.OAuthClient"
OAUTH2_PROVIDER = {
    "SCOPES_BACKEND_CLASS": "loyalty.api.retail.oauth.ClientScopes",
    "CLIENT_SECRET_HASHER": "sha256_random",
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3_600,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,  # of a token only the digest is kept
}
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "users.hashers.RandomSecretHasher",  # of OAuth clients alone
]
AUTH_USER_MODEL = "users.Staff"
LOGIN_REDIRECT_URL = "/admin/"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- time and language ---
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français"), ("de", "Deutsch"), ("it", "Italiano")]

# --- the back office ---
LOCALE_PATHS = [BASE_DIR / "loyalty" / "locale"]
UNFOLD = {
    "SITE_TITLE": "Loyalty",
    "SITE_HEADER": "Loyalty",
    "SITE_URL": None,
    "SITE_SYMBOL": "loyalty",
    "SHOW_LANGUAGES": True,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "loyalty.admin.home.dashboard",
    "SCRIPTS": [lambda _request: f"{STATIC_URL}loyalty/alpine.js"],
    "STYLES": [lambda _request: f"{STATIC_URL}loyalty/backoffice.css"],
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: f"{STATIC_URL}loyalty/favicon.svg"},
    ],
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": "loyalty.admin.navigation.sections"},
}

# --- static files: served by whitenoise, from the packages themselves outside production ---
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "loyalty" / "vendored"]  # found before what the packages have under the same name
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = False

# --- security ---
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
BEHIND_TLS = PRODUCTION and not _flag("ALLOW_PLAIN_HTTP")
SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$", "^metrics$"]  # probes come from inside, without TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _flag("TRUST_PROXY") else None
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
CONTENT_SECURITY_POLICY = {
    # No browser shows these.
    "EXCLUDE_URL_PREFIXES": ("/api/admin", "/api/retail", "/api/exchange", "/healthz", "/readyz", "/metrics"),
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:", "https:"],  # gifts and collectibles have their pictures elsewhere
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
TRUST_PROXY = _flag("TRUST_PROXY")

# --- the back office: who stays signed in for how long, and how often one may guess ---
SESSION_IDLE_SECONDS = int(os.environ.get("SESSION_IDLE_SECONDS", "1800"))
SESSION_COOKIE_AGE = SESSION_AGE_SECONDS = int(os.environ.get("SESSION_AGE_SECONDS", "43200"))
PASSWORD_RESET_TIMEOUT = int(os.environ.get("INVITATION_SECONDS", "86400"))  # how long a link to choose a password holds
HOUSE_DEMANDS_SECOND_FACTOR = _flag("HOUSE_DEMANDS_SECOND_FACTOR")  # of staff of the house; brands demand it of theirs
OTP_TOTP_ISSUER = "Loyalty"
AXES_FAILURE_LIMIT = int(os.environ.get("LOG_IN_TRIES", "5"))
AXES_COOLOFF_TIME = timedelta(seconds=int(os.environ.get("LOG_IN_LOCKED_SECONDS", "900")))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "loyalty.callers.address_of"
AXES_LOCKOUT_CALLABLE = "loyalty.admin.signing_in.answer_locked_out"
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True  # the audit has log-ins and log-outs
AXES_VERBOSE = False
METRICS_TOKEN = os.environ.get("METRICS_TOKEN", "")

# --- the APIs ---
BODY_LIMIT_BYTES = 262_144
BODY_LIMIT_MANY_BYTES = 1_048_576
DATA_UPLOAD_MAX_MEMORY_SIZE = BODY_LIMIT_MANY_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_100  # a form may name 1,000 users
OPEN_RATE_PER_SECOND, OPEN_BURST = 10, 50
KEY_CACHE_SECONDS = 4.0  # a revoked key is refused within five
# Wrong codes an hour: of one member, with one key, in one brand. A brand with many members needs more of the latter two.
CODE_TRIES_PER_HOUR = {
    "member": int(os.environ.get("CODE_TRIES_PER_MEMBER", "10")),
    "key": int(os.environ.get("CODE_TRIES_PER_KEY", "1000")),
    "brand": int(os.environ.get("CODE_TRIES_PER_BRAND", "5000")),
}
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "loyalty.api.problems.answer_exception",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Loyalty",
    "DESCRIPTION": "Members, memberships and points, on a ledger that anyone can check.\n\nAs Postman collections: "
    + ", ".join(f"[{name}](/api/docs/{name}.postman_collection.json)" for name in ("partner", "retail", "app"))
    + ".",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/",
    "COMPONENT_SPLIT_REQUEST": False,
    "POSTPROCESSING_HOOKS": ["loyalty.api.schema.complete_document"],
}

# --- tasks: rows are the queue, the broker only wakes ---
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker as long as it takes
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {"visibility_timeout": 600, "unacked_restore_interval": 5, "unacked_restore_throttle": 1}
    if "redis" in CELERY_BROKER_URL or CELERY_BROKER_URL.startswith("unix")
    else {}
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat" / "schedule")
CELERY_BEAT_SCHEDULE = {
    "send due e-mails": {"task": "users.tasks.send_due_emails", "schedule": timedelta(seconds=2), "options": {"expires": 10}},
    "expire due points": {"task": "ledger.tasks.expire_due_points", "schedule": timedelta(minutes=1)},
    "drive due exchanges": {
        "task": "exchange.tasks.drive_due_orders",
        "schedule": timedelta(seconds=2),
        "options": {"expires": 10},
    },
    "exchange due accrual files": {
        "task": "exchange.tasks.exchange_due_files",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 10},
    },
    "deliver due webhooks": {
        "task": "users.tasks.deliver_due_webhooks",
        "schedule": timedelta(seconds=2),
        "options": {"expires": 10},
    },
    "generate due codes": {
        "task": "rewards.tasks.generate_due_codes",
        "schedule": timedelta(seconds=2),
        "options": {"expires": 10},
    },
    "drain inbox": {"task": "rewards.tasks.drain_inbox", "schedule": timedelta(seconds=2), "options": {"expires": 10}},
    "judge due segments": {
        "task": "rewards.tasks.judge_due_segments",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 10},
    },
    "judge new segments": {
        "task": "rewards.tasks.judge_new_segments",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 20},
    },
    # Every five minutes of the small hours: each segment is judged once a night, and goes on where a worker was lost.
    "judge all segments": {"task": "rewards.tasks.judge_all_segments", "schedule": crontab(minute="*/5", hour="1-6")},
    "reconcile exchanges": {"task": "exchange.tasks.reconcile_yesterday", "schedule": crontab(hour=3, minute=15)},
    "close lapsed approvals": {"task": "users.tasks.close_lapsed_approvals", "schedule": timedelta(minutes=5)},
    "forget expired tokens": {"task": "users.tasks.forget_expired_tokens", "schedule": crontab(hour=3, minute=50)},
    "forget old names": {"task": "users.tasks.forget_old_names", "schedule": crontab(hour=3, minute=55)},
    "forget old refusals": {"task": "users.tasks.forget_old_refusals", "schedule": crontab(hour=3, minute=45)},
    "tally transactions": {"task": "ledger.tasks.tally_transactions", "schedule": timedelta(minutes=1)},
    "tally codes": {"task": "rewards.tasks.tally_codes", "schedule": timedelta(minutes=1)},
    "tally redemptions": {"task": "rewards.tasks.tally_redemptions", "schedule": timedelta(minutes=1)},
    "tally ranking": {"task": "rewards.tasks.tally_ranking", "schedule": timedelta(minutes=1)},
    "forget past periods": {"task": "rewards.tasks.forget_past_periods", "schedule": crontab(hour=3, minute=40)},
    "tally exchanges": {"task": "exchange.tasks.tally_exchanges", "schedule": timedelta(minutes=1)},
    # Every hour, for a night's proof that was lost with its worker; each brand is proved once a night.
    "prove ledgers": {"task": "ledger.tasks.prove_ledgers", "schedule": crontab(minute=20, hour="2-8")},
    "prove daily codes": {"task": "rewards.tasks.prove_daily_codes", "schedule": crontab(minute=25, hour="2-8")},
    "prove daily exchanges": {"task": "exchange.tasks.prove_daily_exchanges", "schedule": crontab(minute=30, hour="2-8")},
}

# --- e-mail: files under var/mail/ unless a server is named ---
MAIL_DIR = VAR_DIR / "mail"
EMAIL_TIMEOUT = 10
EMAIL_LEASE_SECONDS = int(os.environ.get("EMAIL_LEASE_SECONDS", "120"))  # longer than all time-outs of one conversation
CODES_LEASE_SECONDS = int(os.environ.get("CODES_LEASE_SECONDS", "30"))  # longer than one chunk of a batch takes
EXCHANGE_LEASE_SECONDS = int(os.environ.get("EXCHANGE_LEASE_SECONDS", "30"))  # longer than any provider's time-out
WEBHOOK_TIMEOUT_SECONDS = float(os.environ.get("WEBHOOK_TIMEOUT_SECONDS", "10"))  # from the name to the answer's end
WEBHOOK_LEASE_SECONDS = int(os.environ.get("WEBHOOK_LEASE_SECONDS", "30"))  # longer than that
# Networks of the house that webhooks may reach, in plain http too; for development and tests.
WEBHOOK_PRIVATE_NETWORKS = [network for network in os.environ.get("WEBHOOK_PRIVATE_NETWORKS", "").split(",") if network]
for _network in WEBHOOK_PRIVATE_NETWORKS:
    ip_network(_network)  # what is none stops us here, and not at the first delivery
ANYMAIL = {name.removeprefix("ANYMAIL_"): value for name, value in os.environ.items() if name.startswith("ANYMAIL_")}
if EMAIL_URL := os.environ.get("EMAIL_URL", ""):
    _mail = dj_email_url.parse(EMAIL_URL)
    EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
    EMAIL_HOST, EMAIL_PORT = _mail["EMAIL_HOST"], _mail["EMAIL_PORT"]
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"], _mail["EMAIL_HOST_PASSWORD"]
    EMAIL_USE_TLS, EMAIL_USE_SSL = _mail["EMAIL_USE_TLS"], _mail["EMAIL_USE_SSL"]
else:
    # Any provider that django-anymail knows: its backend here, its secrets in ANYMAIL_<NAME>.
    EMAIL_BACKEND = os.environ.get("EMAIL_BACKEND") or "users.mail_files.EmlFileBackend"
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "loyalty@localhost")

# --- logs and figures ---
LOG_FORMAT = os.environ.get("LOG_FORMAT", "json" if PRODUCTION else "console")
LOGGING_CONFIG = None  # loyalty.observability sets logging up, for structlog and the standard library alike
METRICS_DIR = VAR_DIR / "metrics"
METRICS_DIR.mkdir(parents=True, exist_ok=True)
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(METRICS_DIR))  # read when prometheus_client is imported

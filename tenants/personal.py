"""What this stage's tables hold of people (see ``core.inventory``)."""

from core.inventory import ALL, Goes, Whose, held, nobodys

_PERSON, _ANYBODY, _SECRET = Whose.PERSON, Whose.ANYBODY, Whose.SECRET
_ACCOUNT = "as long as the account"

HELD = (
    held("tenants.User", "email name avatar_url locale time_zone", _PERSON, "to sign in, to be written to, to be told apart",
         Goes.WITH_PERSON, _ACCOUNT, leaves="/profile, GET /api/me"),
    held("tenants.User", "password", _SECRET, "to sign in; an Argon2 hash", Goes.WITH_PERSON, _ACCOUNT),
    held("tenants.BrowserSession", "browser address session_data", _PERSON,
         "so that they see where they are signed in: the network, never the machine", Goes.BY_AGE,
         "until signed out, two weeks at most", setting="SESSION_COOKIE_AGE", leaves="/profile"),
    held("tenants.BrowserSession", "session_key", _SECRET, "to recognise the browser", Goes.BY_AGE,
         "until signed out, two weeks at most", setting="SESSION_COOKIE_AGE"),
    held("tenants.SecondFactor", "secret", _SECRET, "to check codes of their phone", Goes.WITH_PERSON, "until switched off"),
    held("tenants.RecoveryCode", "digest", _SECRET, "to let them in without the phone", Goes.WITH_PERSON,
         "until switched off, or made anew"),
    held("tenants.Picture", "content", _PERSON, "to be recognised by colleagues", Goes.WITH_PERSON,
         "until they remove it", leaves="/profile"),
    held("tenants.Membership", "role", _PERSON, "what they may do in the company", Goes.WITH_PERSON,
         "until they leave or are removed", leaves="/members, GET /api/members"),
    held("tenants.Invitation", "email role locale", _PERSON, "to invite somebody who may have no account yet", Goes.STAYS,
         "with the company: who was invited by whom", leaves="GET /api/invitations"),
    held("tenants.Invitation", "digest", _SECRET, "to recognise the link", Goes.STAYS, "with the company; void after a week"),
    held("tenants.ApiKey", "name", _ANYBODY, "what the key is for", Goes.WITH_PERSON, "as long as its maker's account",
         leaves="/workspace/keys"),
    held("tenants.ApiKey", "prefix digest", _SECRET, "to recognise the key", Goes.WITH_PERSON, "as long as its maker's account"),
    held("tenants.AuditEntry", "actor_key object_id facts", _PERSON,
         "who did what: identifiers and counts, and the reasons that were given", Goes.STAYS,
         "with the company: a chain of which nothing can be taken out", leaves="back office"),
    held("tenants.Notification", "facts url", _PERSON, "to tell of what happened; a colleague's name where one joined or left",
         Goes.BY_AGE, "180 days", setting="NOTIFICATION_DAYS", leaves="/notifications, GET /api/notifications"),
    held("tenants.StoredAnswer", "body location key fingerprint", _ANYBODY,
         "to answer the same request alike; what a program sent is kept as a keyed hash only", Goes.BY_AGE, "24 hours"),
    held("tenants.NotificationSettings", "choices", _PERSON, "how they want to be told", Goes.WITH_PERSON, _ACCOUNT,
         leaves="/notifications/settings"),
    held("tenants.NoticeMail", ALL, _PERSON, "which mails they were sent, so that none comes twice", Goes.BY_AGE, "60 days"),
    held("tenants.NotificationRead", ALL, _PERSON, "what they have read", Goes.BY_AGE, "with the notification",
         setting="NOTIFICATION_DAYS"),
    held("tenants.MailPermit", "reason", _ANYBODY, "why mail may go out after a restore", Goes.STAYS, "with the company"),
    held("tenants.WebhookEndpoint", "url description", _ANYBODY, "where events are sent", Goes.BY_HAND, "until removed",
         leaves="/webhooks, GET /api/webhooks"),
    held("tenants.WebhookEndpoint", "secret_sealed previous_sealed", _SECRET, "to sign events", Goes.BY_HAND, "until removed"),
    held("tenants.WebhookDelivery", "last_note", _ANYBODY, "what the receiver answered, the first 500 characters", Goes.BY_AGE,
         "30 days", setting="WEBHOOK_DAYS", leaves="/webhooks"),
)  # fmt: skip

NOBODYS = nobodys(
    Tenant="name slug locale time_zone currency",
    ApiKey="scopes",
    AuditEntry="verb object_type previous_hash entry_hash",
    Notification="code level",
    MailPermit="instance hold",
    WebhookEndpoint="events",
    WebhookEvent="kind subject payload",  # identifiers of runs, and counts
)

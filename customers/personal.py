"""What this stage's tables hold of people (see ``core.inventory``)."""

from core.inventory import ALL, Goes, Whose, held, nobodys

_CUSTOMER, _ANYBODY = Whose.CUSTOMER, Whose.ANYBODY
_OUT = "a customer's page, GET /api/customers, export of the back office"
_CASCADE = "as long as the customer"

HELD = (
    held("customers.Customer", "external_id first_name last_name email phone", _CUSTOMER,
         "to find a customer again in the next file, and to reach them", Goes.WITH_CUSTOMER, _CASCADE, leaves=_OUT),
    held("customers.Customer", ALL, _CUSTOMER,
         "what may say whether they leave, and the language to write in; other columns of the company's own files",
         Goes.WITH_CUSTOMER, _CASCADE, leaves=_OUT),
    held("customers.Subscription", ALL, _CUSTOMER, "what they have taken: the strongest signs of leaving", Goes.WITH_CUSTOMER,
         _CASCADE, leaves=_OUT),
    held("customers.UsageRecord", ALL, _CUSTOMER, "what they used in a month", Goes.WITH_CUSTOMER, _CASCADE, leaves=_OUT),
    held("customers.Interaction", ALL, _CUSTOMER, "that they were contacted, and whether they left then", Goes.WITH_CUSTOMER,
         _CASCADE, leaves="a customer's page"),
    held("customers.FormerNumber", ALL, _CUSTOMER, "the number before a merge, which the next file may still have",
         Goes.WITH_CUSTOMER, _CASCADE),
    held("customers.CustomerChange", ALL, _CUSTOMER, "what stood there before: to take an import back, and to show who changed what",
         Goes.WITH_CUSTOMER, "an import's 90 days, corrections and merges as long as the customer", setting="IMPORT_UNDO_DAYS",
         leaves="history of a customer"),
    held("customers.DuplicateGroup", "members fingerprint", _CUSTOMER,
         "who may be the same person: keys of rows, and a hash of what they share", Goes.BY_HAND,
         "until merged or erased; the next search finds anew"),
    held("customers.Import", "filename sheet sheets headers", _ANYBODY, "which file it was", Goes.STAYS, "with the company",
         leaves="/imports"),
    held("customers.Import", "refusals preview proposal", _CUSTOMER, "the first refused cells, to mend them; examples of columns",
         Goes.BY_AGE, "30 days after it ended, with the file itself; line, column and reason stay", setting="IMPORT_FILES_DAYS",
         leaves="/imports, GET /api/imports"),
    held("customers.Import", "stored_path table_path lines_path refused_path", _CUSTOMER,
         "where the uploaded file lies, and what was read of it", Goes.BY_AGE, "30 days after it ended",
         setting="IMPORT_FILES_DAYS"),
    held("customers.ColumnMapping", "filename mapping", _ANYBODY, "what columns of such a file mean", Goes.STAYS, "with the company"),
    held("customers.Feed", "name options", _ANYBODY, "where data come from: addresses, queries, folders", Goes.BY_HAND,
         "until the feed is removed", leaves="/feeds, GET /api/feeds"),
    held("customers.Feed", "secret", Whose.SECRET, "passwords of the source", Goes.BY_HAND, "until the feed is removed"),
    held("customers.FeedRun", "found report", _CUSTOMER, "what a feed brought; the report of a trial holds some rows", Goes.BY_AGE,
         "a trial's a day, others the newest 200 of a feed", leaves="/feeds"),
    held("customers.ChurnDefinition", "adopt_reason", _ANYBODY, "why leaving means this here", Goes.STAYS, "with the company"),
    held("customers.QualityProfile", "profile summary", _CUSTOMER,
         "the commonest values of each column with their counts, none where nearly every cell differs", Goes.STAYS, "with the company",
         leaves="/quality"),
    held("customers.ColumnFinding", "evidence", _CUSTOMER, "why a column is in doubt, with some of its values", Goes.STAYS,
         "with the company", leaves="/quality"),
    held("customers.ColumnFinding", "overrule_reason", _ANYBODY, "why a column in doubt is used", Goes.STAYS, "with the company"),
)  # fmt: skip

NOBODYS = nobodys(
    ChurnDefinition="kind field standing preview",
    DuplicateGroup="rule also",
    CustomerBase="facts",
    Import="step sha256 kind packed encoding delimiter notes shape_key mapping unknown_values undo_result",
    ColumnMapping="shape_key",
    QualityProfile="grain",
    ColumnFinding="column severity codes overruled_as",
    Feed="kind rhythm review",
    FeedRun="fingerprint outcome",
)

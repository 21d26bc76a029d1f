"""The back office of this stage: operators correct customers with a reason, merge duplicates, look at imports.

reasons: forms that ask why · people: customers and what hangs on them · selection: one correction for many ·
duplicates: finding and merging · exchange, resources, formats: tables out, corrections in · files: imports and what they left ·
feeds: where data comes from by itself
"""

from . import feeds, files, people  # noqa: F401  (registers the tables)

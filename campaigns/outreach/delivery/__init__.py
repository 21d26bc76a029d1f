"""What becomes of mail on its way: answers of servers, what comes back later, and whether a domain is ready to send.

replies: what a server's answer means · retrying: when to try again, when to stop and ask a person · bounces: reports that
come back as mail (mailboxes: out of an mbox, a folder, a zip or a single file; oddities: those of no standard) ·
domains: SPF (spf), DKIM and DMARC of the domain that sends.
"""

from .bounces import Report, read_reports, reports_of
from .domains import DomainReport, Finding, Record, check_domain
from .mailboxes import Counts, Limits, MailboxRefused
from .replies import REASONS, Outcome, Reply, Stage, classify, split_enhanced
from .retrying import Breaker, BreakerRules, Stop, judge, retry_at

__all__ = [
    "REASONS",
    "Breaker",
    "BreakerRules",
    "Counts",
    "DomainReport",
    "Finding",
    "Limits",
    "MailboxRefused",
    "Outcome",
    "Record",
    "Reply",
    "Report",
    "Stage",
    "Stop",
    "check_domain",
    "classify",
    "judge",
    "read_reports",
    "reports_of",
    "retry_at",
    "split_enhanced",
]

"""Mail as it comes back, in the words of the servers that write it."""

from __future__ import annotations

OURS = "<c1.r7.abcdef@atlas.example.com>"


def _mail(headers: str, body: str) -> bytes:
    return (headers.strip("\n") + "\n\n" + body.strip("\n") + "\n").encode()


def dsn(
    *,
    recipient: str = "a@x.example.com",
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 <a@x.example.com>: Recipient address rejected: User unknown",
    original: str = "",
    returned: str = "message/rfc822",
    more: str = "",
) -> bytes:
    """A report as Postfix writes it (RFC 3464)."""
    return _mail(
        """
Return-Path: <>
From: MAILER-DAEMON@mx.example.com (Mail Delivery System)
To: bounces@atlas.example.com
Subject: Undelivered Mail Returned to Sender
Date: Mon, 4 May 2026 12:00:00 +0200
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B1"
""",
        f"""
--B1
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.example.com.
I'm sorry to have to inform you that your message could not be delivered.

--B1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com
Arrival-Date: Mon, 4 May 2026 11:59:58 +0200

Final-Recipient: rfc822; {recipient}
{f"Original-Recipient: rfc822;{original}" if original else "X-Nothing: here"}
Action: {action}
Status: {status}
Diagnostic-Code: {diagnostic}
{more}
--B1
Content-Type: {returned}

Message-ID: {OURS}
From: Atlas <post@atlas.example.com>
To: a@x.example.com
Subject: An offer: 550 5.1.1 user unknown

Our own words: delivery failed, spam, mailbox full.
--B1--
""",
    )


EXIM = _mail(
    """
Return-path: <>
From: Mail Delivery System <Mailer-Daemon@mx.example.com>
To: bounces@atlas.example.com
Subject: Mail delivery failed: returning message to sender
Date: Mon, 04 May 2026 10:00:00 +0000
Auto-Submitted: auto-replied
X-Failed-Recipients: a@x.example.com, b@x.example.com
""",
    f"""
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  a@x.example.com
    SMTP error from remote mail server after RCPT TO:<a@x.example.com>:
    550 5.1.1 <a@x.example.com> User unknown
  b@x.example.com
    SMTP error from remote mail server after end of data:
    552 5.2.2 mailbox is full

------ This is a copy of the message, including all the headers. ------

Message-ID: {OURS}
To: a@x.example.com
Subject: An offer
""",
)

EXIM_LATE = _mail(
    """
From: Mail Delivery System <Mailer-Daemon@mx.example.com>
Subject: Warning: message 1rXyZa-0001Bc-2D delayed 24 hours
Auto-Submitted: auto-replied
X-Failed-Recipients: a@x.example.com
""",
    """
A message that you sent has not yet been delivered to one or more of its recipients after more than 24 hours.

  a@x.example.com
    Delay reason: 550 5.1.1 mailbox unknown
""",
)

QMAIL = _mail(
    """
Return-Path: <>
From: MAILER-DAEMON@qmail.example.com
To: bounces@atlas.example.com
Subject: failure notice
""",
    f"""
Hi. This is the qmail-send program at qmail.example.com.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<a@x.example.com>:
Sorry, no mailbox here by that name. (#5.1.1)

<b@x.example.com>:
192.0.2.9 failed after I sent the message.
Remote host said: 554 5.7.1 message looks like spam

--- Below this line is a copy of the message.

Message-ID: {OURS}
To: a@x.example.com
""",
)

EXCHANGE = _mail(
    """
From: System Administrator <postmaster@corp.example.com>
To: bounces@atlas.example.com
Subject: Undeliverable: An offer
X-MS-Exchange-Message-Is-Ndr:
""",
    f"""
Your message did not reach some or all of the intended recipients.

      Subject:  An offer
      Sent:     04/05/2026 12:00

The following recipient(s) could not be reached:

      a@x.example.com on 04/05/2026 12:01
            The e-mail account does not exist at the organization this message was sent to.
            <corp.example.com #5.1.1>

Original message headers:
Message-ID: {OURS}
""",
)

FRENCH = _mail(
    """
From: MAILER-DAEMON@fai.example.tn
To: bounces@atlas.example.com
Subject: =?utf-8?q?Message_non_remis?=
Content-Type: text/plain; charset=utf-8
""",
    """
Votre message n'a pas pu être distribué : message non remis.
a@x.example.com : adresse inconnue chez nous
""",
)

COMPLAINT = _mail(
    """
From: feedback@isp.example.com
To: abuse@atlas.example.com
Subject: FW: An offer
Date: Mon, 04 May 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="B2"
""",
    f"""
--B2
Content-Type: text/plain

This is an email abuse report.

--B2
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <a@x.example.com>

--B2
Content-Type: message/rfc822

Message-ID: {OURS}
To: a@x.example.com
Subject: An offer

text
--B2--
""",
)

AWAY = _mail(
    f"""
From: Amel <a@x.example.com>
To: post@atlas.example.com
Subject: Automatic reply: An offer
Auto-Submitted: auto-replied
In-Reply-To: {OURS}
""",
    "I am on leave until Monday. My mailbox is full of spam, and the user unknown.",
)

PERSON = _mail(
    f"""
From: Amel <a@x.example.com>
To: post@atlas.example.com
Subject: Re: An offer
In-Reply-To: {OURS}
""",
    "Yes please, delivery failed last time.",
)

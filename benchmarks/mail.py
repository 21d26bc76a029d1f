"""Mail by the rows of the outbox beside plain Django and beside ready bytes: ``python -m benchmarks.mail [--mails 100000]``.

Runs on the server that DATABASE_URL names, else on SQLite, and sends to a sink on the loopback (mail_sink). Every measurement is
a process of its own. The floors: (a) what a Django project does (a compiled template, EmailMultiAlternatives, one connection
for all), (b) a loop that sends ready bytes by smtplib over one connection. Ours is the whole shift: claimed in batches, consent,
suppression and caps asked again, each mail marked before its bytes go out and settled after, in a commit that a power cut does
not take back; with one sender process and with two.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

from .databases import Databases
from .steps import OWNER, call, run

_call = functools.partial(call, "mail")
_TEXT = (
    "Bonjour {first_name},\n\nMerci d'être avec nous depuis {tenure_years} ans. Nous avons pensé à vous : {offer_text} "
    "Votre formule vous reviendrait à {offer_price} par mois, jusqu'au {offer_until}.\n\n"
    "Il suffit de répondre à ce message, ou de passer dans une de nos boutiques avec votre numéro de client "
    "{customer_number}. Nous nous occupons du reste.\n\nÀ bientôt,\n{company}"
)


def _load(options: argparse.Namespace) -> dict:
    """Customers with addresses who agreed, a message, and a campaign that is frozen and waits for its senders."""
    from django.db import connection, transaction

    from campaigns import services
    from campaigns.models import Campaign, ConsentEntry, MessageTemplate, SenderProfile, TemplateVersion
    from core import bulk
    from customers.models import Customer, Subscription
    from tenants.models import User
    from tenants.scoping import current_tenant

    tenant = current_tenant()
    key = tenant.pk if connection.vendor == "postgresql" else tenant.pk.hex
    now = "2026-01-01 00:00:00+00:00"
    import uuid

    def shaped(value: uuid.UUID):
        return value if connection.vendor == "postgresql" else value.hex

    with transaction.atomic():
        bulk.insert(
            Customer._meta.db_table,
            ["tenant_id", "public_id", "external_id", "first_name", "last_name", "email", "phone", "language", "city",
             "gender", "persona", "attributes", "created_at", "updated_at"],
            ((key, shaped(uuid.uuid4()), f"C{n:07d}", f"Prénom{n % 977}", f"Nom{n % 3001}", f"c{n}@example.com", "", "fr",
              "Tunis", "", "", "{}", now, now) for n in range(options.mails)),
        )  # fmt: skip
    keys = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    with transaction.atomic():
        Subscription.objects.bulk_create(
            [
                Subscription(
                    tenant=tenant, customer_id=pk, contract="One year", tenure=12 + pk % 60, monthly_charges="29.900"
                )
                for pk in keys
            ],
            batch_size=5_000,
        )
        ConsentEntry.objects.bulk_create(
            [ConsentEntry(tenant=tenant, customer_id=pk, is_granted=True, source="contract") for pk in keys],
            batch_size=5_000,
        )
    bulk.analyse(Customer, Subscription, ConsentEntry)
    owner = User.objects.get(email=OWNER)
    template = MessageTemplate.objects.create(tenant=tenant, name="Benchmark")
    TemplateVersion.objects.create(
        tenant=tenant, template=template, number=1,
        parts={"fr": {"subject": "{first_name}, une offre pour vous", "text": _TEXT, "html": ""}},
    )  # fmt: skip
    sender = services.sender()
    SenderProfile.objects.filter(pk=sender.pk).update(
        transport="smtp", host="127.0.0.1", port=options.port, security="none", from_name="Benchmark", ramps_up=False,
        from_address="bonjour@benchmark.example.com", postal_address="1 rue du Lac, Tunis", per_second=10_000,
        keeps_holidays=False, keeps_ramadan=False,
    )  # fmt: skip
    campaign = services.save_campaign(
        actor=owner,
        name="Benchmark",
        audience={"kind": "rule", "rule_segment": _everybody(owner)},
        message=template,
        holdout=0.0,
    )
    services.prepare_campaign(preparation_id=services.open_check(campaign=campaign).pk)
    campaign.refresh_from_db()
    services.approve_campaign(campaign=campaign, actor=owner, despite="a sink on this machine")
    began = time.perf_counter()
    services.prepare_campaign(preparation_id=services.open_launch(campaign=campaign, requested_by=owner).pk)
    launched = time.perf_counter() - began
    bulk.analyse(Customer)
    return {"launched": launched, "recipients": Campaign.objects.get().checked["treated"]}


def _everybody(owner) -> str:
    from segmentation import services as segments

    rule = {"field": "email", "is": "known"}
    return str(segments.save_rule(actor=owner, name="Everybody", rule=rule).public_id)


def _shift(options: argparse.Namespace) -> dict:
    """One sender's shift, as a worker runs it."""
    from django.urls import reverse

    from campaigns import services
    from campaigns.models import Campaign

    reverse("campaigns:unsubscribe", args=["token"])  # a worker has read the addresses before its first mail
    campaign = Campaign.objects.get()
    shift = services.open_shifts(campaign)[options.number - 1]
    began, worked = time.perf_counter(), time.process_time()
    services.send_mail(shift_id=shift.pk)
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    shift.refresh_from_db()
    return {"seconds": seconds, "mails": shift.mails, "processor": worked}


def _django(options: argparse.Namespace) -> dict:
    """What a Django project does: render, build, send, over one connection."""
    from django.core.mail import EmailMultiAlternatives, get_connection
    from django.template import Context, Engine

    from customers.models import Customer

    engine = Engine()
    text, html = (engine.from_string(source) for source in _same_message())
    way = get_connection("django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=options.port, username="", password="", use_tls=False)  # fmt: skip
    way.open()
    people = Customer.objects.select_related("subscription").order_by("pk")[: options.mails]
    began, worked = time.perf_counter(), time.process_time()
    count = 0
    for one in people.iterator(chunk_size=2_000):
        values = Context(
            {
                "first_name": one.first_name, "tenure_years": one.subscription.tenure // 12, "offer_price": "29,900 TND",
                "customer_number": one.external_id, "token": "A" * 120,
            }
        )  # fmt: skip
        mail = EmailMultiAlternatives(
            f"{one.first_name}, une offre pour vous",
            text.render(values),
            "bonjour@benchmark.example.com",
            [one.email],
            connection=way,
        )
        mail.attach_alternative(html.render(values), "text/html")
        mail.send()
        count += 1
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    way.close()
    return {"seconds": seconds, "mails": count, "processor": worked}


_NAMES = ("first_name", "tenure_years", "offer_price", "customer_number")


def _same_message() -> tuple[str, str]:
    """The very text and page that ours sends, as templates of Django's."""
    from campaigns.models import Campaign
    from campaigns.services import letters

    campaign = Campaign.objects.select_related("version").get()
    ready = letters.prepared(campaign.version, "fr", campaign.frozen["sender"], offer=None, default="fr")
    marks = {name: f"@@{name}@@" for name in _NAMES}
    shown = ready.render(marks, unsubscribe_url="https://benchmark.example.com/u/@@token@@")

    def template(source: str) -> str:
        for name in (*_NAMES, "token"):
            source = source.replace(f"@@{name}@@", "{{ " + name + " }}")
        return source

    return template(shown.text), template(shown.html)


def _bytes(options: argparse.Namespace) -> dict:
    """Ready bytes, one connection, no rows."""
    import smtplib

    from campaigns.models import Campaign, Recipient
    from campaigns.services import letters, outbox

    campaign = Campaign.objects.select_related("version").get()
    made = letters.Letters(campaign)
    some = outbox.claimed(list(Recipient.objects.order_by("pk").values_list("pk", flat=True)[:2_000]))
    ready = [(one.address, made.letter(one).data) for one in some]
    way = smtplib.SMTP("127.0.0.1", options.port)
    way.ehlo()
    began, worked = time.perf_counter(), time.process_time()
    for n in range(options.mails):
        address, data = ready[n % len(ready)]
        way.sendmail("bonjour@benchmark.example.com", [address], data)
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    way.quit()
    return {
        "seconds": seconds,
        "mails": options.mails,
        "processor": worked,
        "bytes": sum(len(d) for _a, d in ready) / len(ready),
    }


_STEPS: dict[str, Callable[[argparse.Namespace], dict]] = {
    "load": _load,
    "shift": _shift,
    "django": _django,
    "bytes": _bytes,
}


# ---------------------------------------------------------------- all of them, and the table


def _side_by_side(environment: dict[str, str], port: int, senders: int) -> dict:
    """Several senders at once, each a process; the longest of them is how long it took."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.mail", "--step", "shift", "--number", str(n), "--port", str(port)],
            env={**environment, "MAIL_SENDERS": str(senders)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(1, senders + 1)
    ]
    told = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
    return {
        "seconds": max(one["seconds"] for one in told),
        "mails": sum(one["mails"] for one in told),
        "processor": sum(one["processor"] for one in told),
        "engine": told[0]["engine"],
    }


def _measure(options: argparse.Namespace) -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.mail_sink", "--serve"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        port = int(server.stdout.readline().split()[-1])
        allowed = {
            "MAIL_PRIVATE_HOSTS": "127.0.0.1",
            "PUBLIC_URL": "https://benchmark.example.com",
            "LOG_LEVEL": "ERROR",
        }
        with Databases() as databases:
            print(f"\n{options.mails:,} mails to a sink, {os.cpu_count()} cores, Python {sys.version.split()[0]}\n")
            print("| | mails a second | times (a) | times (b) | a mail, ms of processor |")
            print("|---|---|---|---|---|", flush=True)
            rates: dict[str, float] = {}
            for senders in options.senders:
                environment = {**databases.fresh(), **allowed, "MAIL_SENDERS": str(senders)}
                loaded = _call("load", environment, mails=options.mails, port=port)
                if not rates:
                    for name, title in (("django", "(a) plain Django"), ("bytes", "(b) ready bytes")):
                        found = _call(name, environment, mails=min(options.mails, options.floor), port=port)
                        rates[name] = found["mails"] / found["seconds"]
                        print(_line(title, rates[name], rates, found), flush=True)
                found = _side_by_side(environment, port, senders)
                assert found["mails"] == loaded["recipients"], (found, loaded)
                rates[f"ours {senders}"] = rate = found["mails"] / found["seconds"]
                print(
                    _line(f"ours, {senders} sender{'s' if senders > 1 else ''}, {found['engine']}", rate, rates, found),
                    flush=True,
                )
                databases.forget(environment)
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def _line(title: str, rate: float, rates: dict[str, float], found: dict) -> str:
    def times(name: str) -> str:
        return f"{rate / rates[name]:.2f}" if name in rates else ""

    return f"| {title} | {rate:,.0f} | {times('django')} | {times('bytes')} | {1000 * found['processor'] / found['mails']:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mails", type=int, default=100_000)
    parser.add_argument("--floor", type=int, default=20_000, help="mails that the floors send")
    parser.add_argument("--senders", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--step", choices=_STEPS)
    parser.add_argument("--number", type=int, default=1)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    if options.step:
        run(_STEPS, options)
    else:
        _measure(options)


if __name__ == "__main__":
    main()

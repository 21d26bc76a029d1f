"""What this stage's tables hold of people (see ``core.inventory``)."""

from core.inventory import ALL, Goes, Whose, held, nobodys

_CUSTOMER, _ANYBODY, _SECRET = Whose.CUSTOMER, Whose.ANYBODY, Whose.SECRET
_CASCADE = "as long as the customer"

HELD = (
    held("campaigns.Recipient", ALL, _CUSTOMER, "who was written to, or left alone to compare, and what the server answered",
         Goes.WITH_CUSTOMER, _CASCADE, leaves="recipients of a campaign, GET /api/campaigns/<id>/recipients"),
    held("campaigns.ConsentEntry", ALL, _CUSTOMER, "whether they agreed to be written to, and how it is known", Goes.WITH_CUSTOMER,
         _CASCADE, leaves="/consent, GET /api/consents"),
    held("campaigns.Suppression", "address_key", _CUSTOMER,
         "never to write again to who said no: a keyed hash, from which no address can be read", Goes.STAYS,
         "for ever, also after the customer is erased: it is their own wish", leaves="GET /api/suppressions"),
    held("campaigns.Suppression", "reason source campaign_code", _ANYBODY, "why an address is left alone", Goes.STAYS, "with the hash"),
    held("campaigns.DeliverySignal", ALL, _CUSTOMER, "that a mail was returned, opened or followed, where a company asks for it",
         Goes.WITH_CUSTOMER, _CASCADE),
    held("campaigns.MailboxMessage", ALL, _CUSTOMER, "the mail itself, where the site's own mailbox stands for a server",
         Goes.BY_AGE, "30 days, the newest 20,000", leaves="/mailbox"),
    held("campaigns.UpliftScore", ALL, _CUSTOMER, "whether a mail would keep them", Goes.WITH_CUSTOMER, _CASCADE),
    held("campaigns.Draft", "subject text failures", _CUSTOMER, "what a writer proposed; for one customer it holds their facts",
         Goes.WITH_CUSTOMER, "as long as the customer; a segment's draft names nobody", leaves="/messages"),
    held("campaigns.OptOutImport", "file_name file_path note", _CUSTOMER, "the list of who does not want mail", Goes.STAYS,
         "the file goes once it is read; its name stays with the company"),
    held("campaigns.MessageTemplate", "name", _ANYBODY, "what people call a message", Goes.BY_HAND, "until it is changed"),
    held("campaigns.TemplateVersion", "parts", _ANYBODY, "the message as people wrote it, with places for facts", Goes.STAYS,
         "with the company: what was sent stays known", leaves="/messages, GET /api/template/<id>"),
    held("campaigns.Campaign", "name audience checked frozen why_paused", _ANYBODY,
         "whom a campaign is for; a rule may name single customers", Goes.STAYS, "with the company", leaves="/campaigns"),
    held("campaigns.SenderProfile", "from_name from_address reply_to postal_address support_contact username basis_reason", _ANYBODY,
         "in whose name mails go out", Goes.BY_HAND, "until it is changed", leaves="/sender"),
    held("campaigns.SenderProfile", "sealed_password sealed_provider_settings webhook_key_hash salt", _SECRET,
         "to use the mail server, to draw lots", Goes.BY_HAND, "until it is changed"),
)  # fmt: skip

NOBODYS = nobodys(
    TemplateVersion="source",
    Draft="language tone source why_not model prompt_hash answer_hash",
    Campaign="code state default_language salt counts result",
    OptOutImport="kind result",
    Preparation="kind tally",
    Shift="epoch resting",
    Measurement="result",
    UpliftRun="result",
    SenderProfile="transport host security provider dkim_selector domain_report basis quiet_weekdays",
)

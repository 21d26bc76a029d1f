"""Ways out of the campaigns' stage to other machines.

courier takes mail to a server, over conversations (smtp, smtp_server) of bytes (smtp_wire), and only what may be said
(smtp_message) · provider and provider_reports: the same by a provider's interface · dns asks what a domain publishes ·
writer_server asks a language model for a draft.
"""

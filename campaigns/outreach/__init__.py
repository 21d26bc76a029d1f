"""The thinking of a campaign: what is written, to whom, when, how it travels, and what it did. Plain Python, in parts that
know nothing of each other: no Django, no database, no network; codes and facts out, no sentences for the interface.

    writing      drafts from typed facts: the built-in writer, the prompt for a server, the checks that every draft passes
    message      a message ready to send: placeholders, bodies, the page around them, bytes for each recipient, links
    experiment   who is left alone, what size could show, and what was found with its interval
    uplift       whom contact keeps and whom it drives away, learned from past experiments
    pacing       when one may write: quiet hours, holidays, ramp-up, rate, pressure
    delivery     what servers answer, when to try again, when to stop; bounces and complaints; the sender's domain

Read them in that order: it is a campaign's own.
"""

"""Says no, by a code and with facts, when a message cannot be prepared or built."""

from __future__ import annotations


class MessageRefused(ValueError):
    """The message, an address or a token cannot be used. ``code`` and ``facts`` let an interface say it in any language.

    language_unknown     no such language                          language
    not_ready            the parts have errors                     problems: tuple[Problem, ...]
    header_line_break    CR, LF or NUL where a header has one line header
    address_empty · address_too_long · address_malformed · address_not_ascii · address_domain        address
    domain_malformed     a domain that cannot be                   domain
    url_malformed        not an https address                      url
    date_without_zone    a date needs its zone
    value_not_text       a value is no text                        placeholder
    company_missing      the sender has no name
    feedback_malformed   not a Feedback-ID                         feedback_id
    secret_too_short     fewer bytes than needed                   needed
    id_too_long          an id that a token cannot carry           most
    token_invalid        cut, altered, of another purpose, or sealed with a secret that we no longer know
    """

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.message, self.facts)


def _rebuild(code: str, message: str, facts: dict[str, object]) -> MessageRefused:
    return MessageRefused(code, message, **facts)

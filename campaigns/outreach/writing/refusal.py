"""Says no, by a code and with facts: when facts cannot be written about, and when a server wrote nothing."""

from __future__ import annotations


class _Coded(Exception):
    def __init__(self, code: str, message: str = "", **facts: object) -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message or code
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.code, self.message, self.facts)


class WritingRefused(_Coded, ValueError):
    """The facts contradict each other, or say too little. ``code`` and ``facts`` let an interface say it.

    no_company        nobody would sign the message
    bad_discount      the discount is not a share between 0 and 1      discount
    bad_price         a price is not a number, or is below zero        amount
    prices_disagree   price before, price after and discount do not go together    before, after, discount
    bad_link          the link to the offer is not an https address    link
    """


class WriterUnavailable(_Coded):
    """A server gave nothing to work with. ``code`` says why, ``facts`` what is known of it (never a key).

    The way there     not_set, bad_address, not_https, private_address, unknown_host, certificate, unreachable, too_slow
    Its manners       redirect, unauthorised, not_found, too_many, server_error, refused_status (status)
    Its answer        too_large, packed, not_json, not_an_answer, empty, cut_off, not_a_draft
    """


def _rebuild(kind: type[_Coded], code: str, message: str, facts: dict[str, object]) -> _Coded:
    return kind(code, message, **facts)

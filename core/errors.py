"""Refusals: what a person is told when something cannot be done, and the code that a program reads."""

from __future__ import annotations


class Refused(Exception):
    """A request that cannot be carried out as it stands, with a sentence for people and a code for programs.

    ``message`` says what is wrong, where, and how to mend it. ``facts`` are the values behind it.
    """

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = str(message)
        self.facts = facts

    def __str__(self) -> str:
        return self.message


class Unreachable(Exception):
    """Another machine did not answer as it should, and may in a while: worth another try, unlike a Refused."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = str(message)

    def __str__(self) -> str:
        return self.message

"""The language of rules: an audience as conditions joined by and, or, not. Plain Python, no database.

A rule is JSON: a group ``{"all": [...]}``, ``{"any": [...]}`` or ``{"not": rule}``, or a condition ``{"field": code, "is":
operator, "value": ...}``. Read in this order: ``fields`` (what may be asked of what) · ``nodes`` (a rule that was checked) ·
``parsing`` and ``values`` (JSON in, every fault by its path) · ``evaluation`` (what a rule means) · ``facts``.

**What is unknown.** There are two answers, yes and no, never a third. A comparison with an unknown value is no, also ≠ and
"none of". ``not`` turns the answer round, so "not (age < 30)" takes in who is 30 and older *and* whose age nobody knows,
while "age ≥ 30" leaves these out. Belonging (kind ``segment``) is never unknown: who belongs to nothing is known to.
"""

from .evaluation import evaluate
from .facts import Facts, describe
from .fields import OPERATORS, Catalogue, Field, Kind, folded
from .nodes import All, Any, Condition, Node, Not, Tree
from .parsing import parse
from .problems import Invalid, Problem

__all__ = [
    "OPERATORS",
    "All",
    "Any",
    "Catalogue",
    "Condition",
    "Facts",
    "Field",
    "Invalid",
    "Kind",
    "Node",
    "Not",
    "Problem",
    "Tree",
    "describe",
    "evaluate",
    "folded",
    "parse",
]

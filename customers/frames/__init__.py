"""Customers as frames for the engines: what models may learn from, column by column.

blocks: the frames · chosen: a few numeric columns ·
attributes: other fields of the company's own files · trends: months of use as one row a customer · contacts: whom campaigns
wrote to before ·
histories: months that are known, and what leaving means · moments: customers as they were on a past day · cuts: which days
a model learns and is tested on · aftermath: who left since a day, and what they paid · picked: some customers by their keys
"""

from .aftermath import Aftermath, Spans, aftermath, before_labels, spans_around, spent
from .attributes import Attribute, as_json, attribute_cells, known_attributes, survey_attributes
from .blocks import FEATURES, date_columns, feature_frames, passed_over_columns, plain_blocks
from .chosen import AVERAGED_MONTHS, SERVICES, NumericColumn, chosen_frames, numeric_columns
from .contacts import (
    CAMPAIGN_STANDING,
    CONTACT_COLUMNS,
    CONTACT_DAYS,
    ENOUGH_CONTACTED,
    RECENT_CONTACTS,
    standings,
    without_few_contacts,
)
from .cuts import Cut, count_outcomes, evaluation_frames, labelled_sample, training_cut, training_frames
from .histories import History, adopted_definition, known_calendar, read_history
from .moments import Moment, people_of
from .picked import picked_frames
from .trends import TREND_COLUMNS, USAGE_FEATURES

__all__ = [
    "AVERAGED_MONTHS",
    "CAMPAIGN_STANDING",
    "CONTACT_COLUMNS",
    "CONTACT_DAYS",
    "ENOUGH_CONTACTED",
    "FEATURES",
    "RECENT_CONTACTS",
    "SERVICES",
    "TREND_COLUMNS",
    "USAGE_FEATURES",
    "Aftermath",
    "Attribute",
    "Cut",
    "History",
    "Moment",
    "NumericColumn",
    "Spans",
    "adopted_definition",
    "aftermath",
    "as_json",
    "attribute_cells",
    "before_labels",
    "chosen_frames",
    "count_outcomes",
    "date_columns",
    "evaluation_frames",
    "feature_frames",
    "known_attributes",
    "known_calendar",
    "labelled_sample",
    "numeric_columns",
    "passed_over_columns",
    "people_of",
    "picked_frames",
    "plain_blocks",
    "read_history",
    "spans_around",
    "spent",
    "standings",
    "survey_attributes",
    "training_cut",
    "training_frames",
    "without_few_contacts",
]

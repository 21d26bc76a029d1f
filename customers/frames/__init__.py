"""Customers as frames for the engines: what models may learn from, column by column.

blocks: the frames · attributes: other fields of the company's own files · trends: months of use as one row a customer
"""

from .attributes import Attribute, as_json, attribute_cells, known_attributes, survey_attributes
from .blocks import FEATURES, date_columns, feature_frames, labelled_sample, passed_over_columns
from .trends import TREND_COLUMNS, USAGE_FEATURES

__all__ = [
    "FEATURES",
    "TREND_COLUMNS",
    "USAGE_FEATURES",
    "Attribute",
    "as_json",
    "attribute_cells",
    "date_columns",
    "feature_frames",
    "known_attributes",
    "labelled_sample",
    "passed_over_columns",
    "survey_attributes",
]

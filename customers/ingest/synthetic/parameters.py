"""The numbers of the population model: chances, tenure curves and prices, fitted on the published IBM Telco file.

Nothing here is a customer. Each table is the maximum-likelihood fit of one step of a chain (a few hundred rounded
numbers for 7,043 rows), so that a generated carrier has the published marginals *and* the published ties between them.
A logistic table maps the name of a term to its coefficient in log odds; ``const`` is the intercept. The terms of
tenure are ``t`` (months / 72), ``t2`` and ``t6`` (its powers), ``log_t`` (log of 1 + months)
and ``t_top`` (1 at 72 months, the most there is, where all who came earlier are gathered).
"""

from __future__ import annotations

Logistic = dict[str, float]

# P(senior, partner, dependents), in this order of bits: 000, 001, 010, 011, 100, 101, 110, 111.
HOUSEHOLDS: tuple[float, ...] = (0.3861, 0.0501, 0.1651, 0.2366, 0.0797, 0.0011, 0.0696, 0.0117)
FEMALE = 0.495

# Inverse distribution of tenure (months, cut down to whole ones) by (partner, dependents): the mass at one month and
# at the 72 months of the file's own age is why the ends have closer knots than the middle.
TENURE_LEVELS: tuple[float, ...] = (
    0, 0.004, 0.02, 0.05, 0.08, 0.12, 0.16, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.94, 0.97, 1,
)  # fmt: skip
TENURE_MONTHS: tuple[tuple[float, ...], ...] = (
    (1, 1, 1.1, 1.4, 1.6, 1.8, 2.3, 3.1, 6, 10.5, 16.1, 24.3, 34.4, 39.9, 46.2, 52.8, 59.8, 66, 69.7, 72.999),
    (0, 0.8, 1.1, 1.3, 1.5, 1.8, 2.4, 3.6, 8, 13, 18.8, 25.7, 34.4, 39.7, 44.9, 50.5, 57, 64.3, 69.2, 72.999),
    (1, 1.1, 1.7, 3.3, 5.4, 9, 13.1, 17.2, 27.1, 37.2, 47.7, 55.8, 62.3, 65.5, 68.4, 70.7, 71.9, 72.4, 72.7, 72.999),
    (0, 0.9, 1.5, 3.5, 5.8, 8.6, 12.2, 15.4, 24.6, 34.5, 45, 53.3, 61.5, 65.1, 68, 70, 71.8, 72.4, 72.7, 72.999),
)  # fmt: skip

# The chain of choices. Each is asked only where it makes sense: ``two_year`` of the committed, ``fiber`` of those with
# internet, ``phone`` of those on DSL (all others have a line), ``electronic_check`` of those who do not pay by order.
COMMITTED: Logistic = {
    "const": -3.96, "senior": -1.3, "partner": -0.06, "dependents": 0.79,
    "t": 4.32, "t2": -3.05, "t6": 3.51, "log_t": 0.69,
}  # fmt: skip
TWO_YEAR: Logistic = {
    "const": 0.21, "senior": -0.86, "partner": -0.04, "dependents": 0.45,
    "t": 5.07, "t2": -3.21, "t6": 3.29, "log_t": -0.78,
}  # fmt: skip
NO_INTERNET: Logistic = {
    "const": -0.88, "senior": -1.4, "partner": -0.26, "dependents": 0.44, "one_year": 1.68, "two_year": 3.01,
    "t": -1.21, "t2": -1.06, "log_t": -0.24,
}  # fmt: skip
FIBER: Logistic = {
    "const": -0.11, "senior": 0.83, "partner": 0.18, "dependents": -0.44, "one_year": -1.18, "two_year": -1.99,
    "t": -0.81, "t2": 2.01, "log_t": 0.19,
}  # fmt: skip
PHONE_ON_DSL: Logistic = {"const": 0.93, "senior": -0.6, "two_year": 0.09, "t": 0.12}
MULTIPLE_LINES: Logistic = {
    "const": -2.18, "senior": 0.36, "partner": 0.14, "dependents": -0.13, "one_year": -0.45, "two_year": -0.1,
    "t": 1.71, "log_t": 0.32, "fiber": 0.98, "no_internet": -0.83,
}  # fmt: skip
# In the order they are drawn: each may depend on the ones before it.
ADD_ONS: dict[str, Logistic] = {
    "online_security": {
        "const": -1.96, "senior": -0.3, "partner": 0.05, "dependents": 0.21, "one_year": 0.54, "two_year": 1.14,
        "t": 0.5, "log_t": 0.39, "fiber": -0.88,
    },
    "online_backup": {
        "const": -1.81, "senior": 0.05, "dependents": 0.11, "one_year": 0.11, "two_year": 0.24,
        "t": 2.03, "log_t": 0.15, "online_security": 0.08,
    },
    "device_protection": {
        "const": -2.38, "partner": 0.14, "dependents": -0.09, "one_year": 0.7, "two_year": 1.43,
        "t": 0.28, "log_t": 0.46, "fiber": 0.19, "online_security": -0.09,
    },
    "tech_support": {
        "const": -2.28, "senior": -0.46, "partner": -0.09, "dependents": 0.05, "one_year": 0.8, "two_year": 1.92,
        "t": -0.87, "log_t": 0.56, "fiber": -0.68,
        "online_security": 0.27, "online_backup": 0.16, "device_protection": 0.26,
    },
    "streaming_tv": {
        "const": -2.2, "senior": 0.08, "partner": 0.12, "one_year": 0.41, "two_year": 0.82,
        "t": 0.08, "log_t": 0.33, "fiber": 0.91, "online_security": -0.39, "device_protection": 0.66,
        "tech_support": 0.3,
    },
    "streaming_movies": {
        "const": -2.36, "senior": 0.15, "partner": 0.08, "dependents": -0.18, "one_year": 0.34, "two_year": 0.65,
        "t": 0.1, "log_t": 0.27, "fiber": 0.62, "online_security": -0.23, "online_backup": -0.05,
        "device_protection": 0.56, "tech_support": 0.2, "streaming_tv": 1.42,
    },
}  # fmt: skip
PAPERLESS: Logistic = {
    "const": 0.22, "senior": 0.36, "dependents": -0.13, "one_year": -0.48, "two_year": -0.72,
    "t": 0.63, "fiber": 0.86, "no_internet": -0.93,
}  # fmt: skip
AUTOMATIC_PAYMENT: Logistic = {
    "const": -1.93, "one_year": 0.32, "two_year": 0.61, "t": 0.94, "log_t": 0.38, "fiber": -0.28, "no_internet": -0.26,
}  # fmt: skip
ELECTRONIC_CHECK: Logistic = {
    "const": -0.47, "senior": 0.65, "partner": 0.27, "dependents": -0.28, "one_year": -0.82, "two_year": -1.71,
    "t": 1.66, "fiber": 1.38, "no_internet": -1.43, "paperless": 0.54,
}  # fmt: skip

# Price list, in currency units a month: what a customer has adds up (least squares gives these within 0.05).
PRICES: dict[str, float] = {
    "phone": 20.0, "multiple_lines": 5.0, "dsl": 25.0, "fiber": 50.0,
    "online_security": 5.0, "online_backup": 5.0, "device_protection": 5.0, "tech_support": 5.0,
    "streaming_tv": 10.0, "streaming_movies": 10.0,
}  # fmt: skip
PRICE_SPREAD = 1.02  # standard deviation of a bill around the list, in currency units
PRICE_STEP = 0.05
LOWEST_BILL = 18.25
# The total is tenure x monthly charge, times 1 + this much noise / sqrt(months): past bills were not all today's bill.
TOTAL_SPREAD = 0.2

# Log odds of leaving within the window when nobody calls, fitted jointly with the hidden state "disengaging"
# (15 % of customers, + 2.0): hidden, so a model that reads the file alone cannot know all of the risk. Some were
# then set by hand against the published shares: intercept, contracts and streaming up a little, for what the past
# campaigns (``outreach``) take off the average; ``t_top``, because the oldest customers leave less than a curve says.
LEAVING: Logistic = {
    "const": 0.9, "senior": 0.25, "dependents": -0.12, "one_year": -0.76, "two_year": -1.66,
    "t": 1.94, "t2": -0.94, "t6": -0.45, "t_top": -0.9, "log_t": -1.04,
    "fiber": 1.05, "no_internet": -0.93, "phone": -0.61, "multiple_lines": 0.42,
    "online_security": -0.35, "online_backup": -0.13, "tech_support": -0.31,
    "streaming_tv": 0.41, "streaming_movies": 0.43, "paperless": 0.4, "electronic_check": 0.34,
}  # fmt: skip
DISENGAGING_SHARE = 0.15
DISENGAGING_EFFECT = 2.0

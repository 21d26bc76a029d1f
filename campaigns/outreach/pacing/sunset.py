"""When the sun sets, which is when the fast of a day of Ramadan is broken."""

from __future__ import annotations

import datetime as dt
import math

TUNIS = (36.806, 10.181)  # latitude, longitude east, in degrees
_ZENITH = math.radians(90.833)  # the upper edge on the horizon, with the usual refraction


def sunset(day: dt.date, latitude: float, longitude: float) -> dt.datetime | None:
    """The instant (UTC) of sunset on ``day``, to about a minute between the polar circles; None where there is none.

    The general solar position calculations of NOAA's Global Monitoring Division (low-precision form).
    """
    turn = 2 * math.pi / 365 * (day.timetuple().tm_yday - 1 + (18 - 12) / 24)
    minutes = 229.18 * (
        0.000075
        + 0.001868 * math.cos(turn)
        - 0.032077 * math.sin(turn)
        - 0.014615 * math.cos(2 * turn)
        - 0.040849 * math.sin(2 * turn)
    )
    declination = (
        0.006918
        - 0.399912 * math.cos(turn)
        + 0.070257 * math.sin(turn)
        - 0.006758 * math.cos(2 * turn)
        + 0.000907 * math.sin(2 * turn)
        - 0.002697 * math.cos(3 * turn)
        + 0.00148 * math.sin(3 * turn)
    )
    north = math.radians(latitude)
    cosine = math.cos(_ZENITH) / (math.cos(north) * math.cos(declination)) - math.tan(north) * math.tan(declination)
    if not -1 <= cosine <= 1:
        return None
    after_noon = 4 * (math.degrees(math.acos(cosine)) - longitude) - minutes
    return dt.datetime.combine(day, dt.time(12), tzinfo=dt.UTC) + dt.timedelta(minutes=after_noon)

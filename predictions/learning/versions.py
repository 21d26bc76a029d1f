"""The versions of the libraries that decide what a training gives."""

from __future__ import annotations

import platform

import numpy as np
import pandas as pd
import scipy
import sklearn
import skops


def installed() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "skops": skops.__version__,
    }

"""The quality that the product promises on the public IBM file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from predictions import learning

TELCO = Path(__file__).resolve().parents[4] / "shared" / "data" / "ibm_telco" / "Telco-Customer-Churn.csv"


@pytest.mark.skipif(not TELCO.exists(), reason="the public IBM file is not beside this checkout (../shared/data)")
def test_ibm_telco_reaches_the_promised_figures():
    frame = pd.read_csv(TELCO).drop(columns="customerID")
    label = (frame.pop("Churn") == "Yes").to_numpy().astype(float)
    frame["TotalCharges"] = pd.to_numeric(frame["TotalCharges"], errors="coerce")
    fitted = learning.fit(frame, label, np.arange(len(label)), seed=5)
    assert fitted.metrics["roc_auc"] >= 0.848
    assert fitted.metrics["log_loss"] <= 0.413
    assert fitted.metrics["brier"] <= 0.1345
    assert fitted.metrics["ece"] <= 0.02
    assert fitted.is_additive
    source = next(row for row in fitted.candidates if row["name"] == "source_forest")
    assert source["log_loss"] - source["standard_error"] > fitted.metrics["log_loss"]

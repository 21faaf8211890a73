"""What `bench.analysis` times on the same rows, each in a process of its own: custlens, lifetimes, PyMC-Marketing, rfm."""

import json
import statistics
import sys
import time
import warnings

import pandas as pd

warnings.simplefilter("ignore")


def fit_custlens(data: pd.DataFrame) -> list[float]:
    import numpy as np

    from custlens.analysis.lifetime._beta_geometric import Histories
    from custlens.analysis.lifetime._bg_nbd import BG_NBD

    x, t_x, t = (data[name].to_numpy("float64") for name in ("frequency", "recency", "T"))
    return [float(value) for value in BG_NBD.fit(Histories(x, t_x, t, np.ones(len(x)))).params]


def fit_lifetimes(data: pd.DataFrame) -> list[float]:
    from lifetimes import BetaGeoFitter

    model = BetaGeoFitter().fit(data["frequency"], data["recency"], data["T"])
    return [float(model.params_[name]) for name in ("r", "alpha", "a", "b")]


def fit_pymc(data: pd.DataFrame) -> list[float]:
    import logging

    from pymc_extras.prior import Prior
    from pymc_marketing.clv import BetaGeoModel

    logging.disable(logging.CRITICAL)
    flat = {name: Prior("HalfFlat") for name in ("alpha", "r", "a", "b")}
    model = BetaGeoModel(data=data.assign(customer_id=range(len(data))), model_config=flat)
    model.fit(method="map", progressbar=False)
    summary = model.fit_summary()
    values = summary if summary.ndim == 1 else summary.iloc[:, 0]
    return [float(values[name]) for name in ("r", "alpha", "a", "b")]


def score_rfm(data: pd.DataFrame) -> list[float]:
    from rfm import RFM

    empty = data.head(0).rename(columns={"customer_id": "id"})
    model = RFM(empty, customer_id="id", transaction_date="last_order_date", amount="sales_value", automated=False)
    table = pd.DataFrame(  # its own first step, which adds up single orders, is left out: the sums are there
        {
            "id": data["customer_id"],
            "recency": (data["last_order_date"].max() - data["last_order_date"]).dt.days,
            "frequency": data["number_of_orders"].astype("int64"),
            "monetary_value": data["sales_value"],
        }
    )
    model.find_segments(model.calculate_rfm_score(table))
    return []


CALLS = {"custlens": fit_custlens, "lifetimes": fit_lifetimes, "PyMC-Marketing": fit_pymc, "rfm": score_rfm}

if __name__ == "__main__":
    table = pd.read_parquet(sys.argv[2])
    seconds, params = [], []
    for _ in range(int(sys.argv[3])):
        started = time.perf_counter()
        params = CALLS[sys.argv[1]](table)
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"seconds": statistics.median(seconds), "params": params}))

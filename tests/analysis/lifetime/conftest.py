"""The data set that the published numbers are of: 2,357 customers of CDNOW, times in weeks."""

import numpy as np
import pandas as pd
import pytest
from helpers import cdnow

from custlens.analysis.lifetime._beta_geometric import Histories


@pytest.fixture(scope="session")
def histories():
    weeks = pd.read_csv(cdnow.WEEKS).astype(float)
    return Histories(*(weeks[name].to_numpy() for name in ("frequency", "recency", "T")), np.ones(len(weeks)))

"""Real series that come with matplotlib, for studies that need no download."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Literal

from si_core import UsageError
from si_forecast.data.layout import Ahead, HeldOut, Layout, Past
from si_forecast.data.reading import read_series
from si_forecast.data.series_rows import SeriesRows
from si_forecast.data.transforms import Transform, transformed

__all__ = ["SampleSeries"]


class SampleSeries(SeriesRows):
    """A real series by name.

    =======  =====  ===================================================================================
    name     rows   what
    =======  =====  ===================================================================================
    stocks   352    ``Stocks.csv``: monthly prices of IBM, AAPL, MSFT, XRX and two indices, 1990 to 2019
    =======  =====  ===================================================================================

    Months are steps whatever their length, and rows between them, of dividends, are left out.

    Args:
        name: stocks.
        columns: of the state; those of which no price is missing where left out.
        past: how many past states are given.
        ahead: how many rows later the state is that is forecast.
        transform: of the states: none, log, difference or log-return, as for `series`.
        standardise: whether each column gets mean 0 and variance 1 over the training rows.
        held_out: the fraction of each series that is kept from training, at its end.
        dtype: of the draws.

    Raises:
        UsageError: matplotlib is not installed.
    """

    def __init__(
        self,
        name: Literal["stocks"] = "stocks",
        columns: list[str] | None = None,
        past: Past = 1,
        ahead: Ahead = 1,
        transform: Transform = "log-return",
        standardise: bool = True,
        held_out: HeldOut = 0.2,
        dtype: Literal["float32", "float64"] = "float32",
    ) -> None:
        if name != "stocks":
            raise UsageError("no such series", where="sample-series: name", got=repr(name), allowed="stocks")
        data = read_series(_path("Stocks.csv"), columns=columns or _WHOLE, time="Date").without_empty_rows()
        layout = Layout(past, ahead, gaps="ignore")
        super().__init__(transformed(data, transform, "ignore"), layout, standardise, held_out, "refuse", dtype)


_WHOLE = ["IBM", "AAPL", "MSFT", "XRX", "^GSPC", "^IXIC"]


def _path(file: str) -> Path:
    try:
        cbook = import_module("matplotlib.cbook")
    except ImportError as error:
        fix = "pip install 'si-forecast[samples]'"
        raise UsageError("the series comes with matplotlib", where="sample-series", fix=fix) from error
    return Path(str(cbook.get_sample_data(file, asfileobj=False)))

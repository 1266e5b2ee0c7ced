"""Measures of forecasts on the parts of series that were held out."""

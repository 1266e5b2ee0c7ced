"""Files of forecasts, written as they are drawn."""

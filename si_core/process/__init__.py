"""The process ``x_t``: its scalars in time, its rows, and how a field is completed from others."""

"""The process ``x_t``: its scalars in time, coefficients of its fields, and how a field is completed from others."""

"""Exporters: trained models in forms for elsewhere."""

"""Tests of the core and across plugins. A package, so that no other distribution's folder of this name hides it."""

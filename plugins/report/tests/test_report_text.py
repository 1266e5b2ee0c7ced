"""Numbers and recipes as text."""

import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from si_report.page.text import measured, outline, short


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (-3.24123, 0.01234, "-3.241 ± 0.012"),
        (0.5, 0.0996, "0.500 ± 0.100"),
        (12345.6, 321.0, "12350 ± 320"),
        (1.0, None, "1"),
        (1.0, 0.0, "1"),
        (1.0, math.nan, "1"),
        (math.inf, 0.1, "inf"),
        (1e-12, 1e-13, "1e-12 ± 1.0e-13"),
        (None, None, "not known"),
    ],
)
def test_a_value_has_the_digits_that_its_error_leaves(value, error, words):
    assert measured(value, error) == words


def test_long_lists_are_shortened():
    assert short(list(range(20))) == "[0, 1, 2, 3, 4, 5, 6, 7, … 20 in all]"


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=8), trees, max_size=4))
def test_a_recipe_loads_back_from_its_text(recipe):
    assert yaml.safe_load(outline(recipe)) == recipe


@pytest.mark.parametrize(
    "word", ["no", "Null", "1e5", "12", "1:30", "a: b", "- a", "#c", "", " a", "0x1", "2020-01-01", "~"]
)
def test_words_that_yaml_takes_for_something_else_are_quoted(word):
    assert yaml.safe_load(outline({word: word})) == {word: word}


def test_long_lists_of_maps_keep_their_indentation():
    recipe = {"objectives": [{"use": "a" * 70, "options": {"b": "c" * 70, "d": [1, 2]}}, {"use": "e"}, "f" * 130]}
    assert yaml.safe_load(outline(recipe)) == recipe

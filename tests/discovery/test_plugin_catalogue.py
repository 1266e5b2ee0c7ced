"""The catalogue is read strictly, and the one shipped is sound."""

from __future__ import annotations

import pytest

from si_core.discovery.catalogue import catalogue, catalogue_path, providers, read_catalogue
from si_core.errors import PluginError

ENTRY = """
- name: si-a
  summary: a
  source: here
  install: pip install si-a
  requires: ">=0.2,<0.3"
  licence: MIT
  status: official
  maintainers: [x]
  components: {latent: [one, two]}
"""
GOOD = "schema: 1\nplugins:" + ENTRY


def read(tmp_path, text: str):
    path = tmp_path / "registry.yaml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return read_catalogue(path)


def test_shipped_catalogue_can_be_read():
    assert catalogue_path().name == "registry.yaml"
    for entry in catalogue():
        for kind, names in entry.components.items():
            assert all(entry in providers(kind, name) for name in names)


def test_entries(tmp_path):
    (entry,) = read(tmp_path, GOOD)
    assert (entry.name, entry.components["latent"], entry.requires) == ("si-a", ("one", "two"), ">=0.2,<0.3")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "mapping of 'schema' and 'plugins'"),
        ("[]", "mapping of 'schema' and 'plugins'"),
        ("schema: 2\nplugins: []", "another schema"),
        ("schema: 1\nplugins: {}", "is a list"),
        ("schema: 1\nschema: 1\nplugins: []", ":2: the key 'schema' stands twice"),
        ("schema: 1\nplugins: [\n", "can't be read"),
        ("schema: 1\nplugins: []\nextra: 1", "mapping of"),
        ("schema: !!python/name:os.system 1\nplugins: []", "no tags"),
        ("schema: !x 1\nplugins: []", "no tags"),
        ("schema: 1\nplugins: [&a [*a]]", "no aliases"),
        ("\udcff", "can't be read"),
        (GOOD + ENTRY, "stands in the catalogue twice"),
        (GOOD.replace("  licence: MIT\n", ""), "no 'licence'"),
        (GOOD.replace("licence", "license"), "unknown 'license'"),
        (GOOD.replace("official", "excellent"), "unknown status"),
        (GOOD.replace("[x]", "x"), "list of names"),
        (GOOD.replace("summary: a", "summary: [a]"), "is text"),
    ],
)
def test_damaged_catalogue_names_file_and_fault(tmp_path, text, words):
    with pytest.raises(PluginError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)
    assert "registry.yaml" in str(caught.value)

"""Networks of other libraries, imported where they are used."""

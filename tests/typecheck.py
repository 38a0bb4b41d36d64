"""What checks the annotations of the package, shapes included, while tests run; see conftest.py."""

from beartype import BeartypeConf, beartype

# An int is taken where a float is declared, as Python's own types have it.
checked = beartype(conf=BeartypeConf(is_pep484_tower=True))

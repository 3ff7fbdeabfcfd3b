"""How types and array shapes of herodex are checked while tests run."""

from beartype import BeartypeConf, beartype

# As type checkers have it, an int will do for a float (PEP 484).
check = beartype(conf=BeartypeConf(is_pep484_tower=True))

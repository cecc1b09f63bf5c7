"""A person's own columns as the fields of a transaction, by a mapping that a TOML file holds."""

"""A first mapping for a file of a person's own: which column is likely to be which field."""

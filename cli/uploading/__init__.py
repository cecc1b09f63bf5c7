"""Files into the raw bucket: where it is, what lies there, a file in parts, and what is kept to go on after a kill."""

"""`fraud synthesize`: learn the frauds of a table, make new ones, and say what they are worth."""

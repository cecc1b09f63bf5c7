"""The forms that a person's file may have: delimited text, JSON lines, Parquet."""

"""Reading a person's own file: its encoding and form, its columns by position, its times as moments."""

"""`fraud tune`: the study of trials, and what is written of it."""

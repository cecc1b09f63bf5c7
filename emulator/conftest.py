"""What imports MiniStack runs in its own environment; the tests exercise it from outside, as a process."""

collect_ignore = ["hosted"]

"""The tests. A package, for one of the libraries installs a package `tests` of its own, which would hide this folder."""

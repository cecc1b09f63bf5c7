"""The tests. A package of its own, for some library installs one of that name, too."""

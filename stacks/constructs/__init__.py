"""The parts that the stacks wire."""

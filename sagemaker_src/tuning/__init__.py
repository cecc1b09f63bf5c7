"""Choosing how a model is trained: what may be chosen, on which rows it is judged, and other families to compare with."""

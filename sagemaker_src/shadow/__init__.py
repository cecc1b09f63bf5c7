"""A candidate beside the champion on live traffic: what both answered to the same requests."""

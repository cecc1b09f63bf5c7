"""The Lambda functions: one folder each, a thin handler that turns its event into the domain's terms (`fraud`) and ports."""

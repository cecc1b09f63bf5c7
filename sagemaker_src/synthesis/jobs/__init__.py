"""The jobs of the state machine of synthetic fraud, in order: extract, fit, sample, evaluate. Each can be run by hand."""

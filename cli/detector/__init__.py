"""`fraud detector`: Amazon Fraud Detector, looked after by hand."""

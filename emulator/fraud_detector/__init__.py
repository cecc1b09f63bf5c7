"""Amazon Fraud Detector: everything but the models. Rules are evaluated; no score is ever made up."""

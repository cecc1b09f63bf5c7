"""Runs of training, evaluation and tuning, kept where every MLflow reads them."""

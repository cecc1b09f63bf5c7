"""What the figures of an evaluation are called, on pages and on screen."""

from __future__ import annotations

MEASURES = {
    "rows": "Transactions",
    "frauds": "Frauds",
    "average_precision": "Average precision",
    "roc_auc": "ROC AUC",
    "recall_at_fpr_0.001": "Recall at 0.1% false positives",
    "recall_at_fpr_0.01": "Recall at 1% false positives",
    "first_fraud_recall_at_fpr_0.001": "Recall of a card's first fraud, at 0.1% false positives",
}
"""{figure: its name}, in the order in which they are shown."""

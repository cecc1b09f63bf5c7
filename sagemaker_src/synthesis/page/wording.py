"""What the report says of each measure, limit and attack, in words for someone who runs a fraud team."""

from __future__ import annotations

from sagemaker_src.synthesis.quality.verdict import AT_LEAST, OF_PRIVACY

HELPS = {
    "yes": "It helps here",
    "no": "It does not help here",
    "harms": "It harms here",
    "unclear": "Whether it helps is unclear",
}
TONES = {"yes": "good", "no": "warn", "harms": "bad", "unclear": "warn"}
LIMITS = {
    "two_sample_auc": ("How well a classifier tells synthetic from real rows (AUC; .5 is guessing)", "plain"),
    "ks_ratio": ("How far columns differ from real rows, in times what real rows differ by chance", "plain"),
    "least_gain": ("Change in average precision, on average", "gain"),
    "exact_copies": ("Synthetic rows that are exact copies of learned ones", "count"),
    "closest_ratio": ("Distance to the closest learned row, in times that of real rows never seen", "plain"),
    "adversarial_loss": ("How much closer rows lie to learned than to unseen ones (adversarial loss)", "plain"),
    "membership_auc": ("How well an attacker tells which rows were learned (AUC; .5 is guessing)", "plain"),
    "singling_out": ("Attacks that pick out a single real row, beyond chance", "share"),
    "linkability": ("Attacks that join two halves of a real row, beyond chance", "share"),
}
"""{limit: (what it says, how its numbers are shown)}."""
ARMS = {
    "without": "without (real rows alone)",
    "grafted attacks": "with the grafted attacks",
    "the known attacks themselves grafted": "with the known attacks grafted",
    "repeating the known frauds": "with frauds repeated",
    "synthetic": "with the synthetic rows",
    "smote": "with SMOTE rows",
    "resampling": "with frauds repeated",
    "class weights": "with frauds weighted",
}
OWN = ("synthetic", "grafted attacks")
"""The arms that are judged; the others stand beside them."""
MEASURES = {
    "average_precision": "average precision",
    "recall_at_fpr_0.001": "frauds found at one false alarm in a thousand",
}
SPLITS = {"by_time": "later rows", "random": "at random"}
ATTACKS = (
    (
        "Membership inference",
        "An attacker has a person's row and asks whether it was learned. An AUC of .5 is guessing.",
        "privacy.membership_auc",
        "plain",
    ),
    (
        "Singling out, by one attribute",
        "The attacker finds a value in the synthetic rows that fits exactly one real row.",
        "privacy.singling_out.univariate",
        "share",
    ),
    (
        "Singling out, by several",
        "The same with several attributes together.",
        "privacy.singling_out.multivariate",
        "share",
    ),
    (
        "Linkability",
        "The attacker has half of a person's data here and half there, and joins them through a synthetic row.",
        "privacy.linkability",
        "share",
    ),
)
"""(name, what it means, place of the risk, how it is shown)."""


def limit(name: str) -> tuple[str, str]:
    """What a limit says, and how its numbers are shown."""
    return LIMITS.get(name, (name, "plain"))


def bound(name: str) -> str:
    """Whether a value must reach the limit or must not pass it."""
    return "at least" if name in AT_LEAST else "at most"


def about(name: str) -> str:
    """What a limit is of."""
    return "privacy" if name in OF_PRIVACY else "quality"


def arm(name: str) -> str:
    """An arm of the comparison."""
    return ARMS.get(name, name)


def measure(name: str) -> str:
    """A measure of a model, of all cards or of those alone that are not only fraud."""
    plain, _, cards = name.partition(" ")
    return " ".join(filter(None, (MEASURES.get(plain, plain), cards)))


def split(name: str) -> str:
    """How rows were split into those to train on and those to test on."""
    return SPLITS.get(name, name)

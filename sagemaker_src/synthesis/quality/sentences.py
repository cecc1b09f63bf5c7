"""The verdict in words that someone who runs a fraud team can use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

ARMS = {
    "synthetic": "the synthetic rows",
    "smote": "SMOTE",
    "resampling": "repeating the known frauds",
    "class weights": "weighting the known frauds",
}
SPLITS = {"by_time": "trained on earlier and tested on later rows", "random": "split at random"}
BROKEN = {
    "exact_copies": "{value:.0f} rows are exact copies of real frauds (allowed: {limit:.0f})",
    "closest_ratio": "its rows are {value:.2f} times as far from the learned frauds as unseen real ones (at least {limit:.2f})",
    "adversarial_loss": "its rows lie closer to learned than to unseen ones (adversarial loss {value:.2f}, at most {limit:.2f})",
    "membership_auc": "an attacker can tell which frauds were learned (AUC {value:.2f}, at most {limit:.2f})",
    "singling_out": "single frauds can be picked out by what the rows tell ({value:.0%} of attacks, at most {limit:.0%})",
    "linkability": "two halves of a fraud's data can be joined through the rows ({value:.0%} of attacks, at most {limit:.0%})",
}
UNMEASURED = {
    "exact_copies": "exact copies",
    "closest_ratio": "the distance to the closest real fraud",
    "adversarial_loss": "the adversarial accuracy",
    "membership_auc": "whether membership can be told",
    "singling_out": "singling out",
    "linkability": "linkability",
}


class Limit(Protocol):
    """A limit, its value, and whether it is kept."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> float | None: ...
    @property
    def limit(self) -> float: ...
    @property
    def kept(self) -> bool: ...


def said(
    quality: Mapping[str, Any],
    *,
    arm: str,
    helps: str,
    gain: Mapping[str, Any] | None,
    limits: Sequence[Limit],
    of_privacy: Sequence[str],
    safe: bool,
) -> list[str]:
    """The sentences: help, against what costs less, how alike, whether it is safe to share."""
    utility = quality.get("utility") or {}
    sentences = [_help(quality, arm, helps, gain)]
    if gain is not None:
        sentences += _beside(utility, arm, helps, gain)
        if utility.get("seen_test_rows"):
            sentences.append(
                "The gain is an upper bound: the rows were made from frauds that they were then tested on. "
                "To know it, let the generator learn anew in each resplit."
            )
    sentences += _alike(quality.get("fidelity") or {}, {each.name: each for each in limits})
    sentences.append(_safety(quality.get("privacy") or {}, [each for each in limits if each.name in of_privacy], safe))
    return sentences


def _help(quality: Mapping[str, Any], arm: str, helps: str, gain: Mapping[str, Any] | None) -> str:
    who = ARMS.get(arm, arm)
    if gain is None or gain["low"] is None:
        why = "; ".join(str(each["why"]) for each in (quality.get("utility") or {}).get("not_measured", []))
        return f"Whether it helps is unclear: {why or 'it was not measured'}."
    arms = {each["name"]: each for each in quality["utility"].get("arms", [])}
    resplits = len(arms.get(arm, {}).get(gain["split"], []))
    over = f" over {resplits} resplits, {SPLITS.get(str(gain['split']), str(gain['split']))}" if resplits else ""
    figures = f"average precision changes by {gain['mean']:+.3f} (95% interval {gain['low']:+.3f} to {gain['high']:+.3f}){over}"
    bound = (
        "that is no more than an upper bound"
        if gain["low"] > 0
        else "too wide to say; more known frauds would narrow it"
    )
    endings = {
        "yes": f"It helps here: with {who}, {figures}.",
        "harms": f"It harms here: with {who}, {figures}. Do not train with them.",
        "unclear": f"Whether it helps is unclear: with {who}, {figures}: {bound}.",
    }
    if helps in endings:
        return endings[helps]
    copies, rows = (
        (quality.get("privacy") or {}).get("exact_copies") or 0,
        (quality.get("rows") or {}).get("synthetic") or 0,
    )
    if copies > rows / 2:
        return f"It does not help here: {copies} of {rows} rows are copies of known frauds, which say nothing new ({figures})."
    return f"It does not help here: with {who}, {figures}; no gain was shown."


def _beside(utility: Mapping[str, Any], arm: str, helps: str, gain: Mapping[str, Any]) -> Iterator[str]:
    others = {
        str(each["arm"]): each["mean"]
        for each in utility.get("gains", [])
        if each["arm"] != arm and each["split"] == gain["split"] and each["mean"] is not None
    }
    if not others:
        return
    listed = ", ".join(f"{ARMS.get(name, name)} {mean:+.3f}" for name, mean in others.items())
    best = max(others, key=lambda name: others[name])
    yield f"For comparison, what costs less: {listed}."
    if helps != "yes":
        return
    over = [each for each in utility.get("over_baselines", []) if each["split"] == gain["split"]]
    no_better = [str(each["baseline"]) for each in over if each["low"] is None or each["low"] <= 0]
    if no_better:
        names = " or ".join(ARMS.get(name, name) for name in no_better)
        yield f"It was not shown to be better than {names}: what costs less may do as well."
    elif gain["mean"] > others[best]:
        yield "It gains more than each of them."


def _alike(fidelity: Mapping[str, Any], limits: Mapping[str, Limit]) -> Iterator[str]:
    auc, ratio = limits.get("two_sample_auc"), limits.get("ks_ratio")
    if auc is not None and auc.value is not None:
        floor = fidelity.get("real_two_sample_auc")
        beside = "" if floor is None else f"; real frauds from other real ones: {floor:.2f}"
        told = "are hard to tell from real frauds" if auc.kept else "are easily told from real frauds"
        yield f"The rows {told}: a classifier reaches an AUC of {auc.value:.2f} (.5 is guessing, limit {auc.limit:.2f}{beside})."
    if ratio is not None and ratio.value is not None:
        yield (
            f"Column by column, they differ from real frauds {ratio.value:.2f} times as much as real frauds from each other "
            f"(limit {ratio.limit:.2f})."
        )


def _safety(privacy: Mapping[str, Any], limits: Sequence[Limit], safe: bool) -> str:
    if safe:
        return "It is safe to share by every limit: no attack found the learned frauds in it better than frauds it never saw."
    broken = [
        BROKEN[each.name].format(value=each.value, limit=each.limit)
        for each in limits
        if not each.kept and each.value is not None
    ]
    unmeasured = [UNMEASURED[each.name] for each in limits if each.value is None]
    whys = dict.fromkeys(str(each["why"]) for each in privacy.get("not_measured", []))
    lacking = f"not measured: {', '.join(unmeasured)}" + (f" ({'; '.join(whys)})" if whys else "") if unmeasured else ""
    if broken:
        return f"It is not safe to share: {'; '.join(broken)}." + (f" Beside that, {lacking}." if lacking else "")
    return f"It is not shown to be safe to share: {lacking}."

"""New attacks are like the known ones, none is a copy, the same seed gives the same ones; with one known attack too."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from fraud.durations import MS_PER_DAY, MS_PER_HOUR
from fraud.episodes import EpisodeModel, Episodes, EpisodesError, learn, sample
from fraud.episodes.identifiers import new_ids
from fraud.episodes.ledger import COLUMNS, fraud_runs, read_ledger
from fraud.transaction import holds_card_number
from fraud.world import WorldSettings, generate, tokenised

KEY = b"0123456789abcdef"


@pytest.fixture(scope="module")
def world() -> pa.Table:
    return tokenised(generate(WorldSettings(cards=300, days=40, fraud_rate=0.02, seed=5)), KEY)


@pytest.fixture(scope="module")
def model(world: pa.Table) -> EpisodeModel:
    return learn(world)


def transactions(attacks: dict[str, list[tuple[float, int, str]]], honest: int = 40) -> pa.Table:
    """Cards with an honest purchase a day each at noon, and attacks: {card: [(day, cents, category), ...]}."""
    rows = [
        (card, day + 0.5, 1_000 + 7 * day, "food", 0)
        for card in (*attacks, "honest", "honest too")
        for day in range(honest)
    ]
    rows += [(card, *step, 1) for card, steps in attacks.items() for step in steps]
    card, day, cents, category, fraud = zip(*rows, strict=True)
    columns = {
        "transaction_id": [f"id-{place:06d}" for place in range(len(rows))],
        "cc_num": card,
        "amount_cents": cents,
        "event_time": pa.array((np.array(day) * MS_PER_DAY).astype(np.int64)).cast(pa.timestamp("ms", "UTC")),
        "merchant": [f"{kind} shop" for kind in category],
        "category": category,
        "merch_lat": np.full(len(rows), 40.5),
        "merch_long": np.full(len(rows), -73.5),
        "is_fraud": pa.array(fraud, pa.int8()),
    }
    return pa.table(columns)


LADDER = [(10.01, 100, "web"), (10.02, 150, "web"), (10.03, 90_000, "shop"), (10.04, 80_000, "shop")]


def steps(episodes: Episodes) -> list[list[tuple[int, str]]]:
    """Of each attack its (cents, category) in order."""
    pairs = [(int(c), episodes.categories[k]) for c, k in zip(episodes.cents, episodes.category, strict=True)]
    return [pairs[begin:end] for begin, end in zip(episodes.start, episodes.ends, strict=True)]


def same(one: Episodes, other: Episodes) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in Episodes.__dataclass_fields__)


def test_a_long_pause_begins_another_attack() -> None:
    ledger = read_ledger(transactions({"a": [*LADDER, (13.5, 100, "web"), (16.4, 100, "web")], "b": LADDER[:1]}))
    runs = fraud_runs(ledger)
    assert [int((runs.run == run).sum()) for run in range(runs.count)] == [4, 2, 1]


def test_the_same_seed_gives_the_same_attacks_and_another_seed_others(model: EpisodeModel) -> None:
    assert same(sample(model, 300, seed=9), sample(model, 300, seed=9))
    assert not same(sample(model, 300, seed=9), sample(model, 300, seed=10))


def test_saved_and_loaded_it_gives_the_same_attacks(model: EpisodeModel) -> None:
    again = EpisodeModel.from_json(model.to_json())
    assert again.to_json() == model.to_json()
    assert same(sample(again, 50, seed=1), sample(EpisodeModel.from_json(again.to_json()), 50, seed=1))
    one, other = sample(model, 50, seed=1), sample(again, 50, seed=1)
    assert one.cents.tolist() == other.cents.tolist() and one.gap_ms.tolist() == other.gap_ms.tolist()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"kind": "episodes", "version": 2}', '{"kind": "wgan", "version": 1}']
)
def test_what_is_no_model_is_refused(text: str) -> None:
    with pytest.raises(EpisodesError, match="no model of episodes"):
        EpisodeModel.from_json(text)


def test_no_attack_is_a_copy_of_a_known_one(world: pa.Table) -> None:
    for known in (None, 20, 1):
        model = learn(world, known=known, seed=3)
        pairs = [(int(c), model.categories[k]) for c, k in zip(model.cents, model.category, strict=True)]
        ends = [*model.start[1:], len(pairs)]
        seen = {tuple(pairs[begin:end]) for begin, end in zip(model.start, ends, strict=True)}
        made = [tuple(attack) for attack in steps(sample(model, 500, seed=2))]
        assert not seen & set(made)
        assert len(set(made)) > 0.95 * len(made)


def test_an_attack_of_one_transaction_is_no_copy_either() -> None:
    model = learn(transactions({"a": LADDER[:1]}))
    made = steps(sample(model, 200, seed=1))
    assert all(len(attack) <= 2 for attack in made)
    assert [(100, "web")] not in made


def test_small_amounts_come_first_and_large_ones_then() -> None:
    attacks = {f"card {number}": [(day, cents + number, kind) for day, cents, kind in LADDER] for number in range(20)}
    model = learn(transactions(attacks))
    made = [[cents for cents, _ in attack] for attack in steps(sample(model, 200, seed=1))]
    long = [amounts for amounts in made if len(amounts) > 2]
    assert len(long) > 150
    assert np.mean([amounts[0] < 500 for amounts in long]) > 0.95
    assert np.mean([amounts[-1] > 40_000 for amounts in long]) > 0.9
    # Once it spends, it hardly goes back to trying.
    assert (
        np.mean([all(np.diff([amount > 1_000 for amount in amounts].copy()) >= 0) for amounts in map(np.array, long)])
        > 0.9
    )


def test_lengths_pauses_amounts_hours_and_categories_are_those_of_the_known_ones(model: EpisodeModel) -> None:
    made = sample(model, 1_500, seed=4)
    known_length = np.diff(np.append(model.start, model.cents.size))
    length = np.diff(np.append(made.start, made.cents.size))
    assert np.median(length) == pytest.approx(np.median(known_length), abs=2)
    assert length.max() <= 1.5 * known_length.max()
    follows = np.ones(made.cents.size, dtype=bool)
    follows[made.start] = False
    pauses = model.gap_ms[model.position > 0]
    for known, new in ((pauses, made.gap_ms[follows]), (model.cents, made.cents)):
        for share in (0.1, 0.25, 0.5, 0.75, 0.9):
            assert np.log(np.quantile(new, share) / np.quantile(known, share)) == pytest.approx(0, abs=0.7)
    hours = np.bincount(model.clock_ms[model.start] // MS_PER_HOUR, minlength=24) / model.episodes
    new_hours = np.bincount(made.clock_ms // MS_PER_HOUR, minlength=24) / made.count
    assert np.abs(hours - new_hours).sum() < 0.5
    shares = [
        np.bincount(each.category, minlength=len(model.categories)) / each.category.size for each in (model, made)
    ]
    assert np.abs(shares[0] - shares[1]).sum() < 0.25
    assert made.away.mean() == pytest.approx(model.away.mean(), abs=0.1)


def test_amounts_stay_in_the_range_of_the_file_and_pile_up_nowhere(model: EpisodeModel) -> None:
    made = sample(model, 2_000, seed=4)
    assert made.cents.min() >= model.least_cents and made.cents.max() <= model.most_cents
    _, count = np.unique(made.cents, return_counts=True)
    assert count.max() < 0.01 * made.cents.size


def test_amounts_end_as_the_others_of_the_file_do(world: pa.Table, model: EpisodeModel) -> None:
    honest = world["amount_cents"].to_numpy()[world["is_fraud"].to_numpy() == 0] % 100
    made = sample(model, 1_500, seed=6).cents % 100
    for ending in (99, 0, 95, 49):
        assert (made == ending).mean() == pytest.approx((honest == ending).mean(), rel=0.35)


def test_what_cannot_be_learned_or_sampled_says_what_is_needed(world: pa.Table, model: EpisodeModel) -> None:
    fraud = world["is_fraud"].to_numpy() == 1
    runs = fraud_runs(read_ledger(world)).count
    for broken, said in (
        (lambda: learn(world.filter(pa.array(~fraud))), "hold no labelled fraud"),
        (lambda: learn(world.filter(pa.array(fraud))), "hold no honest one"),
        (lambda: learn(world.slice(0, 0)), "there are no transactions"),
        (lambda: learn(world.drop_columns(["merchant"])), "lack the column merchant"),
        (lambda: learn(world, known=0), f"0 known attacks; allowed: 1 to {runs}"),
        (lambda: learn(world, known=runs + 1), f"{runs + 1} known attacks; allowed: 1 to {runs}"),
        (lambda: sample(model, 0, seed=1), "0 episodes; allowed: 1 to 100,000"),
    ):
        with pytest.raises(EpisodesError, match=said):
            broken()


def test_the_order_of_the_rows_says_nothing(world: pa.Table, model: EpisodeModel) -> None:
    shuffled = world.select(COLUMNS).take(pa.array(np.random.default_rng(1).permutation(world.num_rows)))
    again = learn(shuffled)
    assert again.cents.tolist() == model.cents.tolist() and again.gap_ms.tolist() == model.gap_ms.tolist()


def test_identifiers_have_the_given_shape_and_are_new() -> None:
    given = [f"{number:032x}" for number in np.random.default_rng(1).integers(0, 2**62, 50).tolist()]
    made = new_ids(np.random.default_rng(2), given, 300)
    assert len(set(made)) == 300 and not set(made) & set(given)
    assert {len(text) for text in made} == {32} and set("".join(made)) <= set("0123456789abcdef")
    assert not any(holds_card_number(text) for text in made)


def test_identifiers_grow_where_no_other_of_their_length_is_left() -> None:
    given = [str(number) for number in range(10)]
    made = new_ids(np.random.default_rng(2), given, 50)
    assert len(set(made)) == 50 and not set(made) & set(given)
    assert all(text.isdigit() and len(text) <= 4 for text in made)

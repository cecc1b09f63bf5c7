"""What was said of transactions, and when: what the risk by merchant, terminal and category counts.

A label says it from the moment on which it was known, the archive had it, and its transaction was there. Of the labels that are
there the newest counts (`fraud.label.known_as_of`), and where that turns what was known until then, it is said once more: nothing
that was counted for a past cut is taken back. Silence says honest once the label delay is over, but only of what was approved, or
of a file that has its labels: what becomes of a payment that was not made, nobody learns.

What is said before a moment follows from what was there before it, whatever came since. Nothing counts that is said more than
REACH_DAYS after the label delay, nor a label that was known so long before its transaction: so what is said in a window is about
transactions of some months, and these alone are read. The SQL is the same for every engine.
"""

from __future__ import annotations

from collections.abc import Iterable

from fraud.features.risks import REACH_MS


def told_sql(transactions: str, labels: str, keys: Iterable[str], delay_ms: int) -> str:
    """All that was said, once each time that it changed.

    Args:
        transactions: a relation with `transaction_id`, each once, the keys, `event_ms` and `settled_ms`: the moment from which
            silence says honest, missing where it says nothing. Moments are milliseconds since 1970 in UTC.
        labels: a relation with `transaction_id`, `is_fraud` (1 or 0), `source`, `reported_by`, `known_ms` and `recorded_ms`.
        keys: columns of `transactions`.
        delay_ms: the label delay.

    Returns:
        A SELECT of the keys, `moment` and `fraud` (1 or 0).
    """
    given = ", ".join(f"t.{key}" for key in keys)
    return f"""WITH labelled AS (
  SELECT t.transaction_id, GREATEST(l.known_ms, l.recorded_ms, t.event_ms) AS moment, CAST(l.is_fraud AS BIGINT) AS fraud,
    ROW_NUMBER() OVER (PARTITION BY t.transaction_id ORDER BY l.known_ms, l.source, l.reported_by, l.is_fraud) AS newness
  FROM {transactions} AS t JOIN {labels} AS l ON t.transaction_id = l.transaction_id
  WHERE GREATEST(l.known_ms, l.recorded_ms) <= t.event_ms + {delay_ms + REACH_MS} AND l.known_ms >= t.event_ms - {REACH_MS}),
newest AS (
  SELECT transaction_id, moment, fraud, newness, MAX(newness) OVER (PARTITION BY transaction_id ORDER BY moment, newness
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS newest FROM labelled),
counting AS (
  SELECT transaction_id, moment, fraud, LEAD(moment) OVER (PARTITION BY transaction_id ORDER BY moment, newness) AS until
  FROM newest WHERE newness = newest),
firsts AS (SELECT transaction_id, MIN(moment) AS moment FROM labelled GROUP BY transaction_id),
said AS (
  SELECT transaction_id, moment, fraud FROM counting WHERE until IS NULL OR until > moment
  UNION ALL SELECT t.transaction_id, t.settled_ms AS moment, CAST(0 AS BIGINT) AS fraud
  FROM {transactions} AS t LEFT JOIN firsts AS f ON t.transaction_id = f.transaction_id
  WHERE t.settled_ms <= t.event_ms + {delay_ms + REACH_MS} AND (f.moment IS NULL OR f.moment > t.settled_ms)),
turned AS (
  SELECT transaction_id, moment, fraud, LAG(fraud) OVER (PARTITION BY transaction_id ORDER BY moment) AS before FROM said)
SELECT {given}, s.moment, s.fraud FROM turned AS s JOIN {transactions} AS t ON s.transaction_id = t.transaction_id
WHERE s.before IS NULL OR s.before <> s.fraud"""


def settled_sql(event_ms: str, decided_ms: str, delay_ms: int) -> str:
    """The moment from which silence about a transaction says honest: after the label delay, and once it was decided.

    >>> settled_sql("t.event_ms", "o.decided_ms", 1_000)
    'GREATEST(t.event_ms + 1000, o.decided_ms)'
    """
    return f"GREATEST({event_ms} + {delay_ms}, {decided_ms})"

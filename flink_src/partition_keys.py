"""Keys that reach each partition of a topic: Kafka's default partitioner sends a key to `murmur2(key) % partitions`."""

from __future__ import annotations

from itertools import count

_M, _SEED, _WORD = 0x5BD1E995, 0x9747B28C, 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """Kafka's hash of a key, 31 bits.

    >>> murmur2(b"21"), murmur2(b"foobar")
    (1173551340, 1357151166)
    """
    tail = len(key) - len(key) % 4
    hashed = (_SEED ^ len(key)) & _WORD
    for start in range(0, tail, 4):
        word = int.from_bytes(key[start : start + 4], "little") * _M & _WORD
        word = (word ^ word >> 24) * _M & _WORD
        hashed = hashed * _M & _WORD ^ word
    if tail < len(key):
        hashed = (hashed ^ int.from_bytes(key[tail:], "little")) * _M & _WORD
    hashed = (hashed ^ hashed >> 13) * _M & _WORD
    return (hashed ^ hashed >> 15) & 0x7FFFFFFF


def partition_keys(partitions: int) -> tuple[str, ...]:
    """For each partition, in order, a key that goes there.

    >>> [murmur2(key.encode()) % 3 for key in partition_keys(3)]
    [0, 1, 2]
    """
    found: dict[int, str] = {}
    for number in count():
        key = f"heartbeat-{number}"
        found.setdefault(murmur2(key.encode()) % partitions, key)
        if len(found) == partitions:
            return tuple(found[partition] for partition in range(partitions))
    raise AssertionError("count() does not end")

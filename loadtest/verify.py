"""Did every receiver get every message once, in the order of `seq`?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from uuid import UUID

from lumina_protocol.codec import MSGPACK
from lumina_protocol.frame import EventFrame
from lumina_protocol.messages import Message, MessageCreated

from loadtest.receiver import Receiver


def faults(receivers: Sequence[Receiver], acked: dict[int, UUID], content: str) -> list[str]:
    """What is wrong, in sentences. `acked` has the message id of each seq, as its sender was told.

    The messages of the receivers that kept theirs are read; the others must have got the same
    bytes as the first.
    """
    found = holes(acked)
    kept = [receiver.kept for receiver in receivers if receiver.kept is not None]
    sentences = Counter(line for payloads in kept for line in misread(payloads, acked, content))
    found += [
        f"{line} ({count} of {len(kept)} receivers read)" for line, count in sentences.items()
    ]
    return found + uneven(receivers, len(acked))


def uneven(receivers: Sequence[Receiver], frames: int) -> list[str]:
    """What is wrong if all were to get so many frames, and the same bytes in the same order."""
    short = sum(receiver.frames != frames for receiver in receivers)
    other = sum(receiver.crc != receivers[0].crc for receiver in receivers)
    found = [f"{short} receivers did not get {frames} frames"] if short else []
    if other:
        found.append(f"{other} receivers got other bytes, or another order, than the first")
    return found


def out_of_order(seqs: Iterable[int]) -> list[int]:
    """Those that came after a higher one."""
    highest, late = 0, []
    for seq in seqs:
        if seq < highest:
            late.append(seq)
        highest = max(highest, seq)
    return late


def holes(acked: dict[int, UUID]) -> list[str]:
    """What is wrong with the seqs that a sender was told."""
    dense = sorted(acked) == list(range(1, len(acked) + 1))
    return [] if dense else [f"the acknowledged seqs are not 1 to {len(acked)}"]


def misread(payloads: list[bytes], acked: dict[int, UUID], content: str) -> list[str]:
    """What is wrong with the events that one receiver got, in the order they came."""
    try:
        messages = [_message(payload) for payload in payloads]
    except ValueError as error:
        return [str(error)]
    times = Counter(message.seq for message in messages)
    late = out_of_order(message.seq for message in messages)
    found = {
        "missing": [seq for seq in acked if seq not in times],
        "got more than once": [seq for seq, count in times.items() if count > 1],
        "got after a later one": late,
        "not what was sent": [
            m.seq for m in messages if m.message_id != acked.get(m.seq) or m.content != content
        ],
    }
    return [
        f"{len(seqs)} of {len(acked)} messages {what}, first seq {seqs[0]}"
        for what, seqs in found.items()
        if seqs
    ]


def _message(payload: bytes) -> Message:
    frame = MSGPACK.decode(payload)
    if not isinstance(frame, EventFrame) or frame.type != MessageCreated.type:
        raise ValueError(f"instead of a message came {frame}")
    return MessageCreated.model_validate(frame.body).message

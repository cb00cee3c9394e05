"""Changes that are done once, however often they are asked for: `@handles(X)` above `@once`."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Hashable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import orjson
from lumina_protocol.errors import Conflict, IdTime, TooOld
from lumina_protocol.frame import Reply, Request

from lumina_rt.router import Ctx
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

CLAIM = query("op_keys.claim")
FOUND = query("op_keys.found")
KEEP = query("op_keys.keep")

C = TypeVar("C", bound=Request[Any])
R = TypeVar("R", bound=Reply)


def once(change: Callable[[Ctx, Tx, C], Awaitable[R]]) -> Callable[[Ctx, C], Awaitable[R]]:
    """Run a change in a transaction that also keeps its reply under the user's `op_id`, or another
    field that is its key.

    A retry gets that reply and changes nothing, also while the first try is under way on another
    node. What is refused is not kept: asked again, it is tried again. The reply stays in the store
    for weeks, so it must not hold what can be deleted. Takes its key before any other lock.

    Those who change the same conversation wait for each other before they take a connection.

    Raises Conflict when the key was used for another request, TooOld, IdTime, Overloaded.
    """

    @wraps(change)
    async def run(ctx: Ctx, request: C) -> R:
        key = {"user_id": ctx.user_id, "op_id": getattr(request, request.keyed_by)}
        digest = request_digest(ctx.services.hash_key, request)
        async with ctx.services.lines.stand_in(_changed(request)), ctx.db.tx() as tx:
            if await tx.maybe(CLAIM, op=request.op, digest=digest, **key) is None:
                result = first_result(await tx.one(FOUND, **key), digest, request.keyed_by)
                return cast("R", request.reply.model_validate(result))
            reply = await change(ctx, tx, request)
            await tx.run(KEEP, result=reply.model_dump(mode="json"), **key)
        return reply

    return run


def _changed(request: Request[Any]) -> Hashable:
    """What others may want to change as well, as far as the request says it."""
    named = (getattr(request, name, None) for name in ("conversation_id", "code"))
    key: Hashable = getattr(request, request.keyed_by)
    return next((subject for subject in named if subject is not None), key)


def first_result(found: Row, digest: bytes, field: str) -> object:
    """What a key that could not be claimed is the key of. Raises Conflict, TooOld and IdTime."""
    if found["untimely"] == "too_old":
        raise TooOld(field=field)
    if found["untimely"] == "too_new":
        raise IdTime(field=field)
    if found["digest"] != digest:
        raise Conflict(f"This {field} was used before for another request.", field=field)
    return found["result"]


def request_digest(key: bytes, request: Request[Any]) -> bytes:
    """Keyed BLAKE2b (RFC 7693) of what was asked for, 16 bytes.

    Without defaults, so that a field which a later version adds changes no digest of before.
    """
    asked = request.model_dump(mode="json", exclude={"op_id"}, exclude_defaults=True)
    said = orjson.dumps([request.op, asked], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(said, key=key, digest_size=16).digest()

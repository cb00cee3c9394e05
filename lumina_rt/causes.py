"""What of posts, comments and follows others are notified of: each in the transaction of its cause.

Titles are without the actor, see `notifying.Cause`. Of what was deleted or is shown to fewer,
`notifying.look_again` withdraws what was told; here is withdrawn what ends while its subject stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_rt import captions
from lumina_rt.notifying import Cause, notify, withdraw, withdraw_group
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

ABOUT = query("comments.about")
NAMED = query("comments.named")
ANNOUNCE_LATER = query("notifications.announce_later")
IS_TOLD = query("notifications.is_told")

EXCERPT = 200
"""Characters of what was said."""
REQUESTED, APPROVED = "follow:request", "follow:approved"


async def tell(tx: Tx, cause: Cause, *, holds: bool = True) -> None:
    """Or withdraw what was told."""
    await (notify if holds else withdraw)(tx, cause)


# Follows.


async def follows(
    tx: Tx, follower_id: UUID, following_id: UUID, state: str, *, approved: bool = False
) -> None:
    """One stands so to the other now: what was told of how it was before, is withdrawn. Who has
    approved it, knows."""
    asked = Cause("follow", [following_id], REQUESTED, "asked to follow you", follower_id)
    began = Cause("follow", [following_id], "follow", "followed you", follower_id)
    await tell(tx, asked, holds=state == "requested")
    if not approved:
        await tell(tx, began, holds=state == "follows")
    if state != "follows":
        await withdraw(tx, _approved([follower_id], following_id))


async def approved(tx: Tx, follower_ids: Sequence[UUID], following_id: UUID) -> None:
    await notify(tx, _approved(follower_ids, following_id))


def _approved(follower_ids: Sequence[UUID], following_id: UUID) -> Cause:
    return Cause("follow", follower_ids, APPROVED, "lets you follow them", following_id)


# Posts.


async def mentions(
    tx: Tx, author_id: UUID, post_id: UUID, caption: str | None, rows: Iterable[Row]
) -> None:
    """The caption of a post names these, or does not any more."""
    rows = list(rows)
    for is_new in (False, True):
        named = [row["user_id"] for row in rows if row["is_new"] is is_new]
        key, text = f"mention:post:{post_id}", _excerpt(caption)
        cause = Cause("mention", named, key, "mentioned you in a post", author_id, text, post_id)
        await tell(tx, cause, holds=is_new)


async def announce(tx: Tx, author_id: UUID, post_id: UUID) -> None:
    """A new post, to those who follow and want to hear of it: later, by a worker."""
    await tx.run(ANNOUNCE_LATER, user_id=author_id, post_id=post_id)


def posted(author_id: UUID, post_id: UUID, follower_ids: Sequence[UUID]) -> Cause:
    key = f"post:{author_id}"
    return Cause("follow", follower_ids, key, "posted", author_id, post_id=post_id)


async def coauthors(
    tx: Tx, author_id: UUID, post_id: UUID, user_ids: Sequence[UUID], *, invited: bool = True
) -> None:
    """These are asked to be co-authors, or have answered."""
    key, title = f"mention:coauthor:{post_id}", "invited you to be a co-author"
    cause = Cause("mention", user_ids, key, title, author_id, post_id=post_id)
    await tell(tx, cause, holds=invited)


async def answered(
    tx: Tx, author_id: UUID, *, post_id: UUID, user_id: UUID, accepted: bool
) -> None:
    """What they were asked; to whom has asked."""
    await coauthors(tx, author_id, post_id, [user_id], invited=False)
    key, title = f"mention:accepted:{post_id}", "became a co-author of your post"
    cause = Cause("mention", [author_id], key, title, user_id, post_id=post_id)
    await tell(tx, cause, holds=accepted)


async def quoted(tx: Tx, user_id: UUID, quoted_id: UUID, author_id: UUID, post_id: UUID) -> None:
    """By a post that its author may not see: then they are not told."""
    key = f"mention:quote:{quoted_id}"
    await notify(tx, Cause("mention", [author_id], key, "quoted your post", user_id, "", post_id))


async def reposted(tx: Tx, user_id: UUID, post_id: UUID, author_id: UUID) -> None:
    key = f"reaction:repost:{post_id}"
    cause = Cause("reaction", [author_id], key, "reposted your post", user_id, post_id=post_id)
    await notify(tx, cause)


async def refused(tx: Tx, user_id: UUID, draft_id: UUID, why: str) -> None:
    title = "A post could not be published when its time had come"
    await notify(tx, Cause("system", [user_id], _of_draft(draft_id), title, text=why))


async def no_more_refused(tx: Tx, user_id: UUID, draft_id: UUID) -> None:
    """It has another time, or was changed or removed."""
    await withdraw_group(tx, [user_id], _of_draft(draft_id))


def _of_draft(draft_id: UUID) -> str:
    return f"system:draft:{draft_id}"


async def milestone(tx: Tx, user_id: UUID, post_id: UUID | None, reached: int) -> None:
    """So many follow somebody, or have reacted to their post. Told once, while it is kept."""
    about, title = "followers", f"{reached:,} people follow you"
    if post_id:
        about, title = f"post:{post_id}", f"{reached:,} people reacted to your post"
    key = f"milestone:{about}:{reached}"
    if await tx.maybe(IS_TOLD, user_id=user_id, group_key=key) is None:
        await notify(tx, Cause("milestone", [user_id], key, title, post_id=post_id))


# Comments.


async def commented(tx: Tx, user_id: UUID, post_id: UUID, comment_id: UUID, content: str) -> None:
    """Each is told once: who is replied to, else the author of the post, else who is named."""
    about = await tx.one(ABOUT, post_id=post_id, comment_id=comment_id)
    told = {about["parent_author_id"], about["author_id"]} - {None}
    made = Cause("comment", [], "", "", user_id, _excerpt(content), post_id, comment_id)
    if parent := about["parent_author_id"]:
        key, title = f"comment:reply:{about['parent_comment_id']}", "replied to your comment"
        await notify(tx, replace(made, user_ids=[parent], group_key=key, title=title))
    if (author := about["author_id"]) != parent:
        key, title = f"comment:post:{post_id}", "commented on your post"
        await notify(tx, replace(made, user_ids=[author], group_key=key, title=title))
    named = [one for one in await _named(tx, content) if one not in told]
    await notify(tx, _in_comment(user_id, post_id, comment_id, content, named))


async def reworded(
    tx: Tx, user_id: UUID, post_id: UUID, comment_id: UUID, before: str, after: str
) -> None:
    """Who was named in a comment and is no more, and who is now."""
    about = await tx.one(ABOUT, post_id=post_id, comment_id=comment_id)
    told = {about["parent_author_id"], about["author_id"]}
    was, now = [set(await _named(tx, text)) - told for text in (before, after)]
    for names, holds in ((was - now, False), (now - was, True)):
        cause = _in_comment(user_id, post_id, comment_id, after, sorted(names))
        await tell(tx, cause, holds=holds)


async def _named(tx: Tx, content: str) -> list[UUID]:
    keys = captions.names(content)
    return [row["user_id"] for row in await tx.all(NAMED, username_keys=keys)] if keys else []


def _in_comment(
    user_id: UUID, post_id: UUID, comment_id: UUID, content: str, named: Sequence[UUID]
) -> Cause:
    key, title = f"mention:comment:{comment_id}", "mentioned you in a comment"
    about = {"post_id": post_id, "comment_id": comment_id}
    return Cause("mention", named, key, title, user_id, _excerpt(content), **about)


async def liked(tx: Tx, user_id: UUID, post_id: UUID, comment: Row, *, holds: bool = True) -> None:
    comment_id = comment["comment_id"]
    key, about = f"reaction:comment:{comment_id}", {"post_id": post_id, "comment_id": comment_id}
    cause = Cause("reaction", [comment["user_id"]], key, "liked your comment", user_id, **about)
    await tell(tx, cause, holds=holds)


def _excerpt(text: str | None) -> str:
    return (text or "")[:EXCERPT]

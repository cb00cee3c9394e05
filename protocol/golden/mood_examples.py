"""Golden frames of moods, votes, bookmarks, and what became of a post."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.bookmarks import (
    Bookmark,
    BookmarkChanged,
    BookmarkKept,
    BookmarkPage,
    ChangeCollection,
    Collection,
    CollectionChanged,
    CollectionKept,
    CollectionList,
    CreateCollection,
    KeptPost,
    ListCollections,
    PageBookmarks,
    RemoveBookmark,
    RemoveCollection,
    SetBookmark,
)
from lumina_protocol.insights import DayOfPost, GetInsights, Insights
from lumina_protocol.messages import Person
from lumina_protocol.polls import PageVoters, PollVoted, Unvote, Vote, Voted, Voter, VoterPage
from lumina_protocol.reactions import (
    ListReactions,
    OwnReaction,
    OwnReactions,
    PageReactions,
    ReactionChanged,
    ReactionKept,
    ReactionPage,
    Reactor,
    RemoveReaction,
    SetReaction,
)

from golden.frames import BOB, MINUTE, NOW, answered, asked, told
from golden.post_examples import PHOTO, SEEN

COLLECTION = UUID("019bc119-d720-7f6c-80a7-8b9c0d1e2f30")
OPS = [UUID(f"019bc119-db08-707d-91b8-9c0d1e2f30{number:02x}") for number in range(8)]
HER = Person(user_id=BOB, username="bob")
KEPT = Bookmark(post_id=PHOTO, collection_id=COLLECTION, bookmarked_at=NOW + MINUTE)
NAMED = Collection(collection_id=COLLECTION, name="for later", created_at=NOW)

MOODS = [
    asked(1, SetReaction(post_id=PHOTO, op_id=OPS[0], mood="inspired")),
    answered(1, "reaction.set", ReactionKept(post_id=PHOTO, mood="inspired", changed=True)),
    asked(2, RemoveReaction(post_id=PHOTO, op_id=OPS[1])),
    answered(2, "reaction.remove", ReactionKept(post_id=PHOTO, changed=True)),
    asked(3, PageReactions(post_id=PHOTO, mood="curious", before=(NOW, BOB), limit=10)),
    answered(
        3,
        "reaction.page",
        ReactionPage(
            reactions=[Reactor(user=HER, mood="curious", reacted_at=NOW)],
            more=False,
        ),
    ),
    asked(4, ListReactions(before=(NOW, PHOTO), limit=10)),
    answered(
        4,
        "reaction.mine",
        OwnReactions(
            reactions=[OwnReaction(post_id=PHOTO, mood="curious", reacted_at=NOW)],
            more=False,
        ),
    ),
    told(ReactionChanged(user_rev=71, post_id=PHOTO, mood="inspired")),
    told(ReactionChanged(user_rev=72, post_id=PHOTO), ", taken back"),
]
POLLS = [
    asked(1, Vote(post_id=PHOTO, op_id=OPS[2], options=[0, 2])),
    answered(1, "poll.vote", Voted(post_id=PHOTO, own_votes=[0, 2], changed=True)),
    asked(2, Unvote(post_id=PHOTO, op_id=OPS[3])),
    answered(2, "poll.unvote", Voted(post_id=PHOTO, own_votes=[], changed=True)),
    asked(3, PageVoters(post_id=PHOTO, option_no=2, before=(NOW, BOB), limit=10)),
    answered(3, "poll.voters", VoterPage(voters=[Voter(user=HER, voted_at=NOW)], more=False)),
    told(PollVoted(user_rev=73, post_id=PHOTO, own_votes=[0, 2])),
]
BOOKMARKS = [
    asked(1, SetBookmark(post_id=PHOTO, op_id=OPS[4], collection_id=COLLECTION)),
    answered(1, "bookmark.set", BookmarkKept(bookmark=KEPT, changed=True)),
    asked(2, RemoveBookmark(post_id=PHOTO, op_id=OPS[5])),
    answered(2, "bookmark.remove", BookmarkKept(changed=True)),
    asked(3, PageBookmarks(collection_id=COLLECTION, before=(NOW, PHOTO), limit=10)),
    answered(
        3,
        "bookmark.page",
        BookmarkPage(kept=[KeptPost(bookmark=KEPT, post=SEEN)], more=False),
    ),
    asked(4, CreateCollection(collection_id=COLLECTION, name="for later")),
    answered(4, "collection.create", CollectionKept(collection_id=COLLECTION, changed=True)),
    asked(5, ChangeCollection(collection_id=COLLECTION, op_id=OPS[6], name="walks")),
    answered(5, "collection.change", CollectionKept(collection_id=COLLECTION, changed=True)),
    asked(6, RemoveCollection(collection_id=COLLECTION, op_id=OPS[7])),
    answered(6, "collection.remove", CollectionKept(collection_id=COLLECTION, changed=True)),
    asked(7, ListCollections()),
    answered(7, "collection.list", CollectionList(collections=[NAMED])),
    told(BookmarkChanged(user_rev=74, post_id=PHOTO, bookmark=KEPT)),
    told(CollectionChanged(user_rev=75, collection_id=COLLECTION, collection=NAMED)),
]
INSIGHTS = [
    asked(1, GetInsights(post_id=PHOTO, from_day="2026-01-01", to_day="2026-01-31")),
    answered(
        1,
        "post.insights",
        Insights(
            post_id=PHOTO,
            days=[
                DayOfPost(
                    day="2026-01-15",
                    views=260,
                    unique_views=240,
                    reactions={"inspired": 12, "curious": -1},
                    comments=2,
                    shares=1,
                    saves=4,
                )
            ],
        ),
    ),
]
WITH_POSTS = [*MOODS, *POLLS, *BOOKMARKS, *INSIGHTS]

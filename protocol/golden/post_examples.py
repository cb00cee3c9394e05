"""Golden frames of posts."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.messages import Attachment, Person
from lumina_protocol.posts import (
    Author,
    CreatePost,
    GetPost,
    ListPosts,
    NewPlace,
    NewPoll,
    Place,
    Poll,
    PollOption,
    Post,
    PostChanged,
    PostCreated,
    PostDeleted,
    PostKept,
    PostPage,
    PostReply,
    Quoted,
)

from golden.frames import ALICE, BOB, CAROL, MEDIA, MINUTE, NOW, POST, answered, asked, told

PHOTO = UUID("019bc119-b010-7a11-9b22-1c2d3e4f5a6b")
TOGETHER = UUID("019bc119-b3f8-7b22-8c33-2d3e4f5a6b7c")
ASKING = UUID("019bc119-b7e0-7c33-9d44-3e4f5a6b7c8d")
AUDIENCE = UUID("019bc119-0bb8-7d44-8e55-4f5a6b7c8d9e")
HARBOUR = Post(
    post_id=PHOTO,
    author=Author(user_id=ALICE, username="alice", full_name="Alice Adams"),
    post_type="photo",
    caption="The harbour with @bob #oslo",
    attachments=[
        Attachment(
            media_id=MEDIA, kind="image", content_type="image/webp", bytes=48_213, width=1080,
            height=1350,
        )
    ],
    visibility="public",
    allow_comments=True,
    allow_reactions=True,
    who_may_comment="everyone",
    location=Place(name="Oslo", latitude=59.9139, longitude=10.75),
    mentions=[Person(user_id=BOB, username="bob")],
    hashtags=["oslo"],
    created_at=NOW + MINUTE,
    version=1,
)  # fmt: skip
SEEN = HARBOUR.model_copy(
    update={
        "reactions": {"inspired": 3, "curious": 1},
        "comment_count": 2,
        "share_count": 1,
        "view_count": 40,
        "own_reaction": "curious",
        "bookmarked": True,
    }
)
ASKED = Post(
    post_id=ASKING,
    author=Author(user_id=BOB, username="bob"),
    post_type="poll",
    visibility="friends",
    allow_comments=False,
    allow_reactions=True,
    who_may_comment="friends",
    quoted=Quoted(post_id=PHOTO, author_id=ALICE, username="alice", excerpt="The harbour"),
    poll=Poll(
        question="Again?",
        options=[
            PollOption(option_no=0, label="Yes", votes=2),
            PollOption(option_no=1, label="No"),
        ],
        multiple=False,
        closes_at=NOW + 60 * MINUTE,
        show_results="after_vote",
        own_votes=[0],
    ),
    created_at=NOW + 3 * MINUTE,
    version=2,
    is_edited=True,
)
OURS = Post(
    post_id=TOGETHER,
    author=Author(user_id=ALICE, username="alice"),
    post_type="collaborative",
    caption="Ours",
    visibility="custom",
    audience_id=AUDIENCE,
    allow_comments=True,
    allow_reactions=True,
    who_may_comment="everyone",
    coauthors=[Person(user_id=CAROL, username="carol")],
    own_part="invited",
    quoted=Quoted(post_id=POST),
    created_at=NOW + 2 * MINUTE,
    version=3,
    is_archived=True,
)

POSTS = [
    asked(
        1,
        CreatePost(
            post_id=PHOTO,
            post_type="photo",
            caption="The harbour with @bob #oslo",
            media_ids=[MEDIA],
            location=NewPlace(name="Oslo", latitude=59.9139, longitude=10.75),
        ),
    ),
    asked(
        1,
        CreatePost(
            post_id=ASKING,
            post_type="poll",
            visibility="friends",
            allow_comments=False,
            who_may_comment="friends",
            quoted_post_id=PHOTO,
            poll=NewPoll(question="Again?", options=["Yes", "No"], closes_at=NOW + 60 * MINUTE),
        ),
        ", a poll",
    ),
    asked(
        1,
        CreatePost(
            post_id=TOGETHER,
            post_type="collaborative",
            caption="Ours",
            visibility="custom",
            audience_id=AUDIENCE,
            coauthors=[BOB, CAROL],
        ),
        ", together",
    ),
    answered(1, "post.create", PostKept(post_id=PHOTO, version=1, created_at=HARBOUR.created_at)),
    asked(2, GetPost(post_id=PHOTO)),
    answered(2, "post.get", PostReply(post=SEEN)),
    answered(2, "post.get", PostReply(post=OURS), ", archived"),
    asked(3, ListPosts(user_id=ALICE), ", the first"),
    asked(3, ListPosts(user_id=ALICE, before=TOGETHER, limit=10)),
    answered(3, "post.of_user", PostPage(posts=[ASKED], more=True)),
    told(PostCreated(post=HARBOUR, user_rev=20)),
    told(PostChanged(post=OURS, user_rev=21)),
    told(PostDeleted(post_id=PHOTO, user_rev=22)),
]

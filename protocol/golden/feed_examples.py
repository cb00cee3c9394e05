"""Golden frames of the home feed, and of posts that name one."""

from __future__ import annotations

from lumina_protocol.feed import FeedNew, FeedPage, HomeFeed, NewPost
from lumina_protocol.mentioning import ListMentioning
from lumina_protocol.posts import PostPage
from lumina_protocol.watches import Watch, Watched

from golden.frames import ALICE, BOB, answered, asked, told
from golden.post_examples import PHOTO, SEEN, TOGETHER

FEED = [
    asked(1, HomeFeed(limit=10), ", the newest"),
    asked(1, HomeFeed(before=TOGETHER)),
    asked(1, HomeFeed(after=PHOTO), ", what is newer"),
    answered(1, "feed.home", FeedPage(posts=[SEEN], more=True, next=SEEN.post_id)),
    answered(1, "feed.home", FeedPage(posts=[], more=False), ", the end"),
    asked(2, Watch(subject_type="feed", subject_id=ALICE), " of a feed"),
    answered(2, "watch", Watched(feed=FeedNew(posts=[], limited=True)), " of a feed"),
    asked(3, ListMentioning(before=TOGETHER, limit=10)),
    answered(3, "post.mentioning", PostPage(posts=[SEEN], more=False)),
    told(FeedNew(posts=[NewPost(post_id=TOGETHER, author_id=BOB)])),
]

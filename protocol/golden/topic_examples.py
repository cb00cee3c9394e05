"""Golden frames of topics."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.topics import (
    ChangeTopic,
    CompleteTopic,
    FollowedTopic,
    FollowTopic,
    FoundTopics,
    GetTopic,
    ListFollowedTopics,
    ListTopics,
    ListTrendingTopics,
    PageTopicPosts,
    Topic,
    TopicFollowChanged,
    TopicFollowKept,
    TopicKept,
    TopicPage,
    TopicPosts,
    TopicReply,
    TrendingTopics,
    UnfollowTopic,
)
from lumina_protocol.watches import ProfileState, TopicState, Unwatch, Watch, Watched

from golden.frames import BOB, MINUTE, NOW, answered, asked, told
from golden.post_examples import SEEN, TOGETHER

TOPIC = UUID("019bc119-e4a8-7021-8c32-4d5e6f708192")
OPS = [UUID(f"019bc119-e890-7032-9d43-5e6f708192{number:02x}") for number in range(8)]
ICON = UUID("019bc119-c4a8-7021-8c32-4d5e6f708193")
OSLO = Topic(
    topic_id=TOPIC,
    topic_name="oslo",
    display_name="Oslo",
    icon_media_id=ICON,
    description="The city, its hills and its fjord.",
    color_hex="#2f6f8f",
    is_featured=True,
    is_trending=True,
    post_count=1204,
    follower_count=310,
    followed_at=NOW + MINUTE,
)
PLAIN = Topic(topic_id=TOPIC, topic_name="oslo", display_name="Oslo")
STATE = TopicState(
    topic_id=TOPIC,
    display_name="Oslo",
    icon_media_id=ICON,
    description="The city, its hills and its fjord.",
    color_hex="#2f6f8f",
    is_featured=True,
    is_trending=True,
    post_count=1205,
    follower_count=310,
    newest_post_id=TOGETHER,
)
PROFILE = ProfileState(
    user_id=BOB,
    username="bob",
    full_name="Bob B.",
    picture_media_id=UUID("019bc119-ec78-7043-8e54-6f7081920314"),
    is_private=False,
    is_verified=True,
    whole=True,
    bio="Walks a lot.",
    follower_count=120,
    following_count=80,
    post_count=42,
    newest_post_id=TOGETHER,
)
PART = ProfileState(user_id=BOB, username="bob", is_private=True, is_verified=False, whole=False)
FOLLOWED = FollowedTopic(
    topic_id=TOPIC, topic_name="oslo", display_name="Oslo", followed_at=NOW + MINUTE
)

TOPICS = [
    asked(1, GetTopic(topic_name="#Oslo"), ", by its name"),
    asked(1, GetTopic(topic_id=TOPIC)),
    answered(1, "topic.get", TopicReply(topic=OSLO)),
    answered(1, "topic.get", TopicReply(topic=PLAIN), ", without numbers, and not followed"),
    asked(2, ListTopics(after=TOPIC, limit=10)),
    answered(2, "topic.list", TopicPage(topics=[OSLO], more=False)),
    asked(9, ListTrendingTopics(window="week", limit=5)),
    answered(9, "topic.trending", TrendingTopics(topics=[OSLO], found_at=NOW)),
    asked(3, ListFollowedTopics(after=TOPIC, limit=10)),
    answered(3, "topic.followed", TopicPage(topics=[OSLO], more=False)),
    asked(4, CompleteTopic(prefix="#os", limit=5)),
    answered(4, "topic.complete", FoundTopics(topics=[OSLO])),
    asked(5, PageTopicPosts(topic_id=TOPIC, before=TOGETHER, limit=10)),
    answered(5, "topic.posts", TopicPosts(posts=[SEEN], more=True, next=SEEN.post_id)),
    answered(5, "topic.posts", TopicPosts(posts=[], more=False), ", the end"),
    asked(6, FollowTopic(topic_id=TOPIC, op_id=OPS[0])),
    answered(6, "topic.follow", TopicFollowKept(topic_id=TOPIC, changed=True)),
    asked(7, UnfollowTopic(topic_id=TOPIC, op_id=OPS[1])),
    answered(7, "topic.unfollow", TopicFollowKept(topic_id=TOPIC, changed=True)),
    asked(
        8,
        ChangeTopic(
            topic_id=TOPIC,
            op_id=OPS[2],
            color_hex="#2f6f8f",
            is_featured=True,
            description="The city, its hills and its fjord.",
            display_name="Oslo",
            icon_media_id=ICON,
        ),
    ),
    answered(8, "topic.change", TopicKept(topic_id=TOPIC, changed=True)),
    told(TopicFollowChanged(user_rev=81, topic_id=TOPIC, followed=FOLLOWED)),
    told(TopicFollowChanged(user_rev=82, topic_id=TOPIC), ", not any more"),
    asked(20, Watch(subject_type="topic", subject_id=TOPIC), ", a topic"),
    answered(20, "watch", Watched(topic=STATE), ", of a topic"),
    asked(21, Watch(subject_type="profile", subject_id=BOB), ", a profile"),
    answered(21, "watch", Watched(profile=PROFILE), ", of a profile"),
    asked(22, Unwatch(subject_type="topic", subject_id=TOPIC), ", a topic"),
    told(STATE),
    told(PROFILE),
    told(PART, ", of whom it is not for the reader"),
]

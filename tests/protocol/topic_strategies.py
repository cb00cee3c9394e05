"""Requests about topics, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Request
from lumina_protocol.topics import (
    ChangeTopic,
    CompleteTopic,
    FollowTopic,
    GetTopic,
    ListFollowedTopics,
    ListTopics,
    ListTrendingTopics,
    PageTopicPosts,
    UnfollowTopic,
)

IDS = st.none() | st.uuids()
TAGS = st.text("#oslo \u2014 \U0001f600", min_size=1, max_size=101)
OF_TOPIC: dict[str, Any] = {"topic_id": st.uuids(), "op_id": st.builds(uuid7)}
COLORS = st.just("") | st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True)
TOPIC_STRATEGIES: dict[str, st.SearchStrategy[Request[Any]]] = {
    "topic.get": st.builds(GetTopic, topic_id=st.uuids()) | st.builds(GetTopic, topic_name=TAGS),
    "topic.list": st.builds(ListTopics, after=IDS, limit=st.integers(1, 50)),
    "topic.trending": st.builds(
        ListTrendingTopics, window=st.sampled_from(["day", "week"]), limit=st.integers(1, 50)
    ),
    "topic.followed": st.builds(ListFollowedTopics, after=IDS, limit=st.integers(1, 100)),
    "topic.complete": st.builds(CompleteTopic, prefix=TAGS, limit=st.integers(1, 20)),
    "topic.posts": st.builds(
        PageTopicPosts, topic_id=st.uuids(), before=IDS, limit=st.integers(1, 50)
    ),
    "topic.follow": st.builds(FollowTopic, **OF_TOPIC),
    "topic.unfollow": st.builds(UnfollowTopic, **OF_TOPIC),
    "topic.change": st.builds(
        ChangeTopic,
        **OF_TOPIC,
        color_hex=st.none() | COLORS,
        is_featured=st.none() | st.booleans(),
        description=st.none() | st.text("hills \u2014 \U0001f600", max_size=2000),
        display_name=st.none() | st.text("OsloÅ", min_size=1, max_size=100),
        icon_media_id=st.none() | st.uuids(),
        remove_icon=st.booleans(),
    ),
}

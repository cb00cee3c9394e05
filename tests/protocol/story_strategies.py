"""Requests of stories and highlights, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from lumina_protocol.frame import Request
from lumina_protocol.stories import (
    CreateStory,
    DeleteStory,
    GetStories,
    GetTray,
    LinkSticker,
    ListStories,
    MentionSticker,
    PollSticker,
    QuestionSticker,
)
from lumina_protocol.story_answers import (
    AnswerSticker,
    ListAnswers,
    ListViewers,
    ReactToStory,
    ViewStories,
)
from lumina_protocol.story_highlights import (
    ChangeHighlight,
    CreateHighlight,
    ListHighlights,
    RemoveHighlight,
)
from lumina_protocol.story_replies import ReplyToStory

from tests.protocol.people_strategies import NEW_IDS, SEQS, SHORT

IDS = st.lists(st.uuids(), min_size=1, max_size=5, unique=True)
FEW = st.lists(st.uuids(), max_size=5, unique=True)
WORD = SHORT.map(lambda text: text[:50])
PLACE = st.floats(0, 1)
STICKER = (
    st.builds(
        PollSticker,
        type=st.just("poll"),
        x=PLACE,
        y=PLACE,
        question=WORD,
        options=st.just(["yes", "no"]),
    )
    | st.builds(QuestionSticker, type=st.just("question"), x=PLACE, y=PLACE, question=WORD)
    | st.builds(
        LinkSticker, type=st.just("link"), url=st.just("https://a.example"), label=st.none() | WORD
    )
    | st.builds(MentionSticker, type=st.just("mention"), user_id=st.uuids())
)
PAGE: dict[str, Any] = {
    "before": st.none() | st.tuples(SEQS, st.uuids()),
    "limit": st.integers(1, 100),
}
STORY_STRATEGIES: dict[str, st.SearchStrategy[Request[Any]]] = {
    "story.create": st.builds(
        CreateStory,
        story_id=NEW_IDS,
        media_id=st.uuids(),
        visibility=st.sampled_from(["public", "followers", "close_friends"]),
        stickers=st.lists(STICKER, max_size=4),
    ),
    "story.get": st.builds(GetStories, story_ids=IDS),
    "story.of_user": st.builds(
        ListStories,
        user_id=st.uuids(),
        after=st.none() | st.uuids(),
        limit=st.integers(1, 50),
    ),
    "story.tray": st.builds(GetTray, limit=st.integers(1, 200)),
    "story.delete": st.builds(DeleteStory, op_id=NEW_IDS, story_id=st.uuids()),
    "story.viewed": st.builds(ViewStories, story_ids=IDS),
    "story.viewers": st.builds(ListViewers, story_id=st.uuids(), **PAGE),
    "story.react": st.builds(
        ReactToStory,
        op_id=NEW_IDS,
        story_id=st.uuids(),
        reaction=st.none() | st.sampled_from(["inspired", "curious"]),
    ),
    "story.answer": st.builds(
        AnswerSticker,
        op_id=NEW_IDS,
        story_id=st.uuids(),
        sticker_no=st.integers(0, 9),
        option_no=st.integers(0, 3),
    )
    | st.builds(
        AnswerSticker,
        op_id=NEW_IDS,
        story_id=st.uuids(),
        sticker_no=st.integers(0, 9),
        text=SHORT,
    ),
    "story.answers": st.builds(
        ListAnswers, story_id=st.uuids(), sticker_no=st.integers(0, 9), **PAGE
    ),
    "story.reply": st.builds(
        ReplyToStory,
        op_id=NEW_IDS,
        story_id=st.uuids(),
        conversation_id=NEW_IDS,
        content=SHORT,
    ),
    "highlight.create": st.builds(
        CreateHighlight,
        highlight_id=NEW_IDS,
        highlight_title=SHORT,
        story_ids=IDS,
        cover_media_id=st.none() | st.uuids(),
    ),
    "highlight.change": st.builds(
        ChangeHighlight,
        op_id=NEW_IDS,
        highlight_id=st.uuids(),
        highlight_title=st.none() | SHORT,
        cover_media_id=st.none() | st.uuids(),
        add_ids=FEW,
        take_ids=FEW,
    ),
    "highlight.remove": st.builds(RemoveHighlight, op_id=NEW_IDS, highlight_id=st.uuids()),
    "highlight.list": st.builds(ListHighlights, user_id=st.uuids()),
}

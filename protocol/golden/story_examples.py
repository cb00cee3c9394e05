"""Golden frames of stories, of what others do with them, and of highlights."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from lumina_protocol.messages import Attachment, Message, MessageCreated, Person, StoryReference
from lumina_protocol.posts import Author
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
    Sticker,
    Story,
    StoryCreated,
    StoryDeleted,
    StoryKept,
    StoryPage,
    StoryRemoved,
    Teller,
    Tray,
)
from lumina_protocol.story_answers import (
    AnswerPage,
    AnswerSticker,
    ListAnswers,
    ListViewers,
    ReactToStory,
    StoriesSeen,
    StoriesViewed,
    StoryAnswer,
    StoryChanged,
    StoryViewer,
    ViewerPage,
    ViewStories,
)
from lumina_protocol.story_highlights import (
    ChangeHighlight,
    CreateHighlight,
    Highlight,
    HighlightChanged,
    HighlightList,
    HighlightRemoved,
    HighlightReply,
    ListHighlights,
    RemoveHighlight,
)
from lumina_protocol.story_replies import ReplyToStory, StoryReplied
from lumina_protocol.watches import StoryState, Watch, Watched

from golden.frames import (
    ALICE,
    BOB,
    CAROL,
    CONVERSATION,
    MEDIA,
    MINUTE,
    NOW,
    OTHER_ID,
    answered,
    asked,
    told,
)

STORY = UUID("019bc119-e0c0-7a10-8b21-3c4d5e6f7081")
LATER = UUID("019bc119-e4a8-7b21-8c32-4d5e6f708192")
HIGHLIGHT = UUID("019bc119-e890-7c32-8d43-5e6f708192a3")
OPS = [UUID(f"019bc119-ec78-7d43-8e54-6f708192a3{number:02x}") for number in range(8)]
DAY = 24 * 60 * MINUTE
AUTHOR = Author(user_id=ALICE, username="alice", full_name="Alice Adams")
PICTURE = Attachment(
    media_id=MEDIA, kind="image", content_type="image/webp", bytes=48_213, width=1080, height=1920
)
ASKED: dict[str, Any] = {"question": "Tea?", "options": ["yes", "no"]}
SEEN = Story(
    story_id=STORY,
    author=AUTHOR,
    media_type="image",
    attachment=PICTURE,
    visibility="followers",
    stickers=[
        Sticker(sticker_no=0, type="poll", x=0.5, y=0.25, **ASKED, votes=[3, 1], own_option=0),
        Sticker(sticker_no=1, type="question", x=0.5, y=0.5, question="Why?", own_text="Because"),
        Sticker(
            sticker_no=2, type="link", x=0.5, y=0.75, url="https://example.com/tea", label="More"
        ),
        Sticker(
            sticker_no=3,
            type="mention",
            x=0.25,
            y=0.75,
            user=Person(user_id=CAROL, username="carol"),
        ),
    ],
    seen=True,
    own_reaction="curious",
    created_at=NOW,
    expires_at=NOW + DAY,
)
OWN = SEEN.model_copy(
    update={"stickers": [], "own_reaction": None, "view_count": 12, "reaction_count": 3}
)
ROW = Highlight(
    highlight_id=HIGHLIGHT, title="Summer", cover=PICTURE, story_ids=[STORY], created_at=NOW
)
STATE = StoryState(
    story_id=STORY, view_count=12, reaction_count=3, answer_count=4, expires_at=NOW + DAY
)
REPLY = Message(
    conversation_id=CONVERSATION,
    message_id=OPS[7],
    seq=4,
    rev=4,
    sender_id=BOB,
    message_type="story_reply",
    content="Where is this?",
    created_at=NOW,
    story=StoryReference(
        story_id=STORY, user_id=ALICE, media_id=MEDIA, media_type="image", expires_at=NOW + DAY
    ),
)
GONE = REPLY.model_copy(update={"story": StoryReference(is_gone=True)})

STORIES = [
    asked(
        1,
        CreateStory(
            story_id=STORY,
            media_id=MEDIA,
            visibility="followers",
            stickers=[
                PollSticker(type="poll", y=0.25, **ASKED),
                QuestionSticker(type="question", question="Why?"),
                LinkSticker(type="link", y=0.75, url="https://example.com/tea", label="More"),
                MentionSticker(type="mention", x=0.25, y=0.75, user_id=CAROL),
            ],
        ),
    ),
    answered(1, "story.create", StoryKept(story_id=STORY, created_at=NOW, expires_at=NOW + DAY)),
    asked(2, GetStories(story_ids=[STORY])),
    answered(2, "story.get", StoryPage(stories=[SEEN])),
    asked(3, ListStories(user_id=ALICE, after=STORY, limit=20)),
    answered(3, "story.of_user", StoryPage(stories=[OWN], more=True)),
    asked(4, GetTray(limit=100)),
    answered(
        4,
        "story.tray",
        Tray(tellers=[Teller(author=AUTHOR, stories=2, unseen=1, newest_at=NOW)], more=False),
    ),
    asked(5, DeleteStory(op_id=OPS[0], story_id=STORY)),
    answered(5, "story.delete", StoryRemoved(changed=True)),
    asked(6, ViewStories(story_ids=[STORY, LATER])),
    answered(6, "story.viewed", StoriesViewed()),
    asked(7, ListViewers(story_id=STORY, before=(NOW, CAROL), limit=50)),
    answered(
        7,
        "story.viewers",
        ViewerPage(
            viewers=[
                StoryViewer(user_id=BOB, username="bob", seen_at=NOW + MINUTE, reaction="curious")
            ],
            more=False,
        ),
    ),
    asked(8, ReactToStory(op_id=OPS[1], story_id=STORY, reaction="curious")),
    asked(8, ReactToStory(op_id=OPS[2], story_id=STORY), ", take it back"),
    answered(8, "story.react", StoryChanged(changed=True)),
    asked(9, AnswerSticker(op_id=OPS[3], story_id=STORY, sticker_no=0, option_no=0)),
    asked(
        9, AnswerSticker(op_id=OPS[4], story_id=STORY, sticker_no=1, text="Because"), ", in words"
    ),
    answered(9, "story.answer", StoryChanged(changed=True)),
    asked(10, ListAnswers(story_id=STORY, sticker_no=0, before=(NOW, CAROL), limit=50)),
    answered(
        10,
        "story.answers",
        AnswerPage(
            answers=[
                StoryAnswer(user_id=BOB, username="bob", answered_at=NOW + MINUTE, option_no=0)
            ],
            more=False,
        ),
    ),
    asked(
        11,
        CreateHighlight(
            highlight_id=HIGHLIGHT,
            highlight_title="Summer",
            story_ids=[STORY],
            cover_media_id=MEDIA,
        ),
    ),
    answered(11, "highlight.create", HighlightReply(highlight=ROW)),
    asked(
        12,
        ChangeHighlight(
            op_id=OPS[5],
            highlight_id=HIGHLIGHT,
            highlight_title="Sun",
            cover_media_id=MEDIA,
            add_ids=[LATER],
            take_ids=[STORY],
        ),
    ),
    answered(
        12,
        "highlight.change",
        HighlightReply(highlight=ROW.model_copy(update={"title": "Sun", "story_ids": [LATER]})),
    ),
    asked(13, RemoveHighlight(op_id=OPS[6], highlight_id=HIGHLIGHT)),
    answered(13, "highlight.remove", HighlightRemoved(changed=True)),
    asked(14, ListHighlights(user_id=ALICE)),
    answered(14, "highlight.list", HighlightList(highlights=[ROW])),
    asked(15, Watch(subject_type="story", subject_id=STORY), ", a story"),
    answered(15, "watch", Watched(story=STATE), ", of a story"),
    told(
        StoryCreated(
            user_rev=21,
            story=OWN.model_copy(update={"view_count": None, "reaction_count": None}),
        )
    ),
    told(StoryDeleted(user_rev=22, story_id=STORY)),
    told(HighlightChanged(user_rev=23, highlight_id=HIGHLIGHT, highlight=ROW)),
    told(HighlightChanged(user_rev=24, highlight_id=HIGHLIGHT), ", removed"),
    told(StoriesSeen(user_rev=25, story_ids=[STORY, LATER])),
    told(STATE),
    told(StoryState(story_id=STORY, expires_at=NOW + DAY), ", for others than its author"),
    asked(
        16,
        ReplyToStory(
            op_id=OPS[7], story_id=STORY, conversation_id=OTHER_ID, content="Where is this?"
        ),
    ),
    answered(
        16,
        "story.reply",
        StoryReplied(conversation_id=CONVERSATION, message_id=OPS[7], seq=4, rev=4, created_at=NOW),
    ),
    told(MessageCreated(message=REPLY), ", a reply to a story"),
    told(MessageCreated(message=GONE), ", a reply to a story that is gone"),
]

"""Posts that name a user."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lumina_protocol.fields import Id
from lumina_protocol.frame import Request
from lumina_protocol.posts import PostPage


class ListMentioning(Request[PostPage]):
    """Posts whose caption names who asks, as far as they are for them, and not by somebody whom
    they have muted. Long ones make a page shorter than `limit`."""

    op = "post.mentioning"
    scope = "read"

    before: Id | None = None
    """The `post_id` of the last one of the page before."""
    limit: Annotated[int, Field(ge=1, le=50)] = 20

"""What users do: a file for each scenario."""

from __future__ import annotations

from loadtest.drive.scene import Scenario
from loadtest.scenarios.big_groups import BigGroups
from loadtest.scenarios.connect_storm import ConnectStorm
from loadtest.scenarios.direct_chat import DirectChat
from loadtest.scenarios.feed_reads import FeedReads
from loadtest.scenarios.idle import Idle
from loadtest.scenarios.mixed_day import MixedDay
from loadtest.scenarios.reactions import Reactions
from loadtest.scenarios.resume_storm import ResumeStorm
from loadtest.scenarios.rolling_restart import RollingRestart
from loadtest.scenarios.stories import Stories
from loadtest.scenarios.uploads import Uploads

SCENARIOS: tuple[type[Scenario], ...] = (
    ConnectStorm, DirectChat, BigGroups, Reactions, FeedReads, Stories, Uploads, ResumeStorm,
    RollingRestart, MixedDay, Idle,
)  # fmt: skip

"""Golden frames of what becomes of an account."""

from __future__ import annotations

from lumina_protocol.lifecycle import (
    AccountChanged,
    ChangePassword,
    ChangeUsername,
    Deactivate,
    Deactivated,
    DeleteAccount,
    Deletion,
    PasswordChanged,
    RestoreAccount,
    Restored,
    UsernameChanged,
    UserRenamed,
)

from golden.account_examples import PASSWORD
from golden.frames import ALICE, MINUTE, NOW, answered, asked, told

NEW_PASSWORD = "staple in the same place"  # noqa: S105
UNTIL = NOW + 30 * 1440 * MINUTE

LIFECYCLE = [
    asked(1, ChangePassword(password=PASSWORD, new_password=NEW_PASSWORD)),
    answered(1, "account.change_password", PasswordChanged(ended=2)),
    asked(2, ChangeUsername(username="alice.l")),
    asked(2, ChangeUsername(username="alice.l", password=PASSWORD), ", with the password"),
    answered(2, "account.change_username", UsernameChanged(username="alice.l")),
    told(AccountChanged(user_id=ALICE, username="alice.l", user_rev=7)),
    told(UserRenamed(user_id=ALICE, username="alice.l", user_rev=5)),
    asked(3, Deactivate(password=PASSWORD)),
    answered(3, "account.deactivate", Deactivated()),
    asked(4, DeleteAccount(password=PASSWORD)),
    asked(4, DeleteAccount(password=PASSWORD, reason="I read books now."), ", with a reason"),
    answered(4, "account.delete", Deletion(until=UNTIL)),
    asked(1, RestoreAccount(username="alice.l", password=PASSWORD)),
    asked(
        1,
        RestoreAccount(username="alice.l", password=PASSWORD, code="123456"),
        ", with a code",
    ),
    answered(1, "account.restore", Restored(user_id=ALICE, username="alice.l")),
]

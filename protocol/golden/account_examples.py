"""Golden frames of accounts and logins."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.accounts import (
    Device,
    LoggedOut,
    Login,
    Logout,
    Refresh,
    Register,
    Tokens,
)
from lumina_protocol.emails import (
    EmailChecked,
    Mailed,
    PasswordReset,
    RequestReset,
    ResetPassword,
    SetEmail,
    VerifyEmail,
)
from lumina_protocol.logins import (
    DeviceChanged,
    Devices,
    Ended,
    EndOtherSessions,
    EndSession,
    KnownDevice,
    ListDevices,
    ListSessions,
    LoginSession,
    RemoveDevice,
    RenameDevice,
    Sessions,
)
from lumina_protocol.tokens import (
    BotToken,
    BotTokens,
    CreateToken,
    ListTokens,
    RevokeToken,
    TokenCreated,
    TokenRevoked,
)
from lumina_protocol.totp import (
    BeginTotp,
    ConfirmTotp,
    GetTotp,
    RecoveryCodes,
    RemoveTotp,
    RenewRecoveryCodes,
    TotpBegun,
    TotpRemoved,
    TotpState,
)

from golden.frames import ALICE, MINUTE, NOW, SESSION, TOKEN, answered, asked

PASSWORD = "correct horse battery"  # noqa: S105
REFRESH_TOKEN = "lref_and-another-one-from-there"  # noqa: S105
LOGIN_OP = UUID("019bc119-4a98-7e77-8b28-d4f3b06e9c53")
PHONE = Device(
    device_id=UUID("019bc119-2a98-7f88-8c39-e5a4c17fad64"),
    name="Alice's phone",
    platform="android",
    app_version="1.4.2",
)
LOGGED_IN = Tokens(
    user_id=ALICE,
    username="alice",
    session_id=SESSION,
    token=TOKEN,
    expires_at=NOW + 15 * MINUTE,
    refresh_token=REFRESH_TOKEN,
)

ACCOUNTS = [
    asked(
        1,
        Register(username="alice", password=PASSWORD, full_name="Alice Liddell"),
    ),
    asked(1, Register(username="alice", password=PASSWORD), ", no optional field"),
    asked(1, Register(username="alice", password=PASSWORD, device=PHONE), ", with a device"),
    answered(1, "account.register", LOGGED_IN),
    asked(1, Login(username="alice", password=PASSWORD)),
    asked(1, Login(username="alice", password=PASSWORD, device=PHONE), ", with a device"),
    asked(1, Login(username="alice", password=PASSWORD, code="287082"), ", with a code"),
    answered(1, "account.login", LOGGED_IN),
    asked(2, Refresh(op_id=LOGIN_OP, refresh_token=REFRESH_TOKEN)),
    answered(2, "account.refresh", LOGGED_IN),
    asked(3, Logout()),
    answered(3, "account.logout", LoggedOut()),
]

LOGINS = [
    asked(1, ListSessions()),
    answered(
        1,
        "session.list",
        Sessions(
            sessions=[
                LoginSession(
                    session_id=SESSION,
                    device_id=PHONE.device_id,
                    name=PHONE.name,
                    platform=PHONE.platform,
                    address="192.0.2.7",
                    created_at=NOW,
                    last_seen_at=NOW + MINUTE,
                    expires_at=NOW + 90 * 1440 * MINUTE,
                    current=True,
                )
            ]
        ),
    ),
    asked(2, EndSession(session_id=SESSION)),
    answered(2, "session.end", Ended(ended=1)),
    asked(3, EndOtherSessions()),
    answered(3, "session.end_others", Ended(ended=2)),
    asked(4, ListDevices()),
    answered(
        4,
        "device.list",
        Devices(
            devices=[
                KnownDevice(
                    device_id=PHONE.device_id,
                    name=PHONE.name,
                    platform=PHONE.platform,
                    app_version=PHONE.app_version,
                    created_at=NOW,
                    last_seen_at=NOW + MINUTE,
                )
            ]
        ),
    ),
    asked(5, RenameDevice(device_id=PHONE.device_id, name="The old phone")),
    answered(5, "device.rename", DeviceChanged()),
    asked(6, RemoveDevice(device_id=PHONE.device_id)),
    answered(6, "device.remove", DeviceChanged()),
]

BOT = UUID("019bc119-6a98-7099-8d4a-f6b5d28abe75")
BOT_TOKEN = "lbot_shown-once"  # noqa: S105  (opens nothing)
BOTS = [
    asked(1, CreateToken(token_id=BOT, name="weather bot", scopes=["messages.write"])),
    answered(1, "token.create", TokenCreated(token=BOT_TOKEN)),
    asked(
        1,
        CreateToken(token_id=BOT, name="helper", scopes=["read"], expires_at=NOW + MINUTE),
        ", for a minute",
    ),
    answered(
        1,
        "token.create",
        TokenCreated(token=BOT_TOKEN, expires_at=NOW + MINUTE),
        ", for a minute",
    ),
    asked(2, ListTokens()),
    answered(
        2,
        "token.list",
        BotTokens(
            tokens=[
                BotToken(
                    token_id=BOT,
                    name="weather bot",
                    scopes=["messages.write"],
                    created_at=NOW,
                    last_used_at=NOW + MINUTE,
                )
            ]
        ),
    ),
    asked(3, RevokeToken(token_id=BOT)),
    answered(3, "token.revoke", TokenRevoked()),
]

MAILED_TOKEN = "the-token-behind-the-#-of-a-link"  # noqa: S105
EMAILS = [
    asked(2, SetEmail(email="alice@example.com", password=PASSWORD)),
    answered(2, "account.set_email", Mailed()),
    asked(3, VerifyEmail(token=MAILED_TOKEN)),
    answered(3, "account.verify_email", EmailChecked()),
    asked(4, RequestReset(email="alice@example.com")),
    answered(4, "account.request_reset", Mailed()),
    asked(5, ResetPassword(token=MAILED_TOKEN, password=PASSWORD)),
    answered(5, "account.reset_password", PasswordReset()),
]

TOTP_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105  (that of RFC 6238, appendix B)
CODES = RecoveryCodes(recovery_codes=["MZXW-6YTB-OI3T-KMRR", "ONSW-G4TF-OQQG-C3TE"])
TOTP = [
    asked(1, BeginTotp(password=PASSWORD)),
    answered(
        1,
        "totp.begin",
        TotpBegun(
            secret=TOTP_SECRET,
            uri=f"otpauth://totp/Lumina:alice?digits=6&secret={TOTP_SECRET}"
            "&algorithm=SHA1&issuer=Lumina&period=30",
        ),
    ),
    asked(2, ConfirmTotp(code="287082")),
    answered(2, "totp.confirm", CODES),
    asked(3, GetTotp()),
    answered(3, "totp.get", TotpState(enabled=True, recovery_codes=9)),
    asked(4, RenewRecoveryCodes(password=PASSWORD, code="081804")),
    answered(4, "totp.renew_codes", CODES),
    asked(5, RemoveTotp(password=PASSWORD, code="050471")),
    answered(5, "totp.remove", TotpRemoved()),
]

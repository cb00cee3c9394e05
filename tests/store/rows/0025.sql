update refresh_tokens set generation = 3;
update access_tokens set revoked_at = now();

-- min_code: 0.1.0

-- In milliseconds, as cursors have them: what is newer than the last one that was had, a page must not leave out.
alter table follows alter column created_at set default date_trunc('milliseconds', now());
alter table follow_requests alter column created_at set default date_trunc('milliseconds', now());
alter table mutes alter column created_at set default date_trunc('milliseconds', now());
alter table audience_members alter column created_at set default date_trunc('milliseconds', now());

-- Whether a user comes upon another by themselves, in lists, suggestions and searches: the account is open, and
-- neither has blocked the other.
create function findable(viewer uuid, other uuid) returns setof uuid
language sql stable parallel safe as $$
    select u.user_id from users u
    where u.user_id = other and u.is_active and u.deleted_at is null
      and (u.suspended_until is null or u.suspended_until <= now())
      and not exists (select from blocked_between(viewer, other))
$$;

create index users_by_prefix on users (username_key text_pattern_ops) where is_active;
comment on index users_by_prefix is 'people.search: whose name begins with these letters';

-- min_code: 0.1.0

-- lumina_app     logs in for one user at a time (app.user_id) and sees what that user may see: the second
--                fence, behind the server's own permission checks
-- lumina_writer  logs in for the server's statements, which ask for permission themselves
-- lumina_admin   for operators: everything, and the audit log to read
-- Nobody but the owner of the schema changes it, or the audit log. Roles belong to the whole cluster: one
-- of another database of it may have made them.
do $$
declare
    role text;
begin
    foreach role in array array['lumina_app', 'lumina_writer', 'lumina_admin'] loop
        if not exists (select from pg_roles where rolname = role) then
            begin
                execute format('create role %I login nosuperuser nocreatedb nocreaterole nobypassrls', role);
            exception
                when duplicate_object or unique_violation then null;
                when insufficient_privilege then
                    raise exception 'the role % is missing, and % may not create it', role, current_user
                        using hint = format('as a superuser: create role %I login nobypassrls', role);
            end;
        end if;
    end loop;
end $$;

-- Whom lumina_app acts for; nobody when it is not set.
create function app_user_id() returns uuid
    language sql stable parallel safe
    return nullif(current_setting('app.user_id', true), '')::uuid;

-- The following look behind the policies, which would otherwise ask themselves.
create function app_is_member(conversation uuid) returns boolean
    language sql stable security definer set search_path = public, pg_temp
    as $$ select exists (select from conversation_participants
                         where conversation_id = conversation and user_id = app_user_id()) $$;

create function app_may_read(conversation uuid, message_seq bigint) returns boolean
    language sql stable security definer set search_path = public, pg_temp
    as $$ select exists (select from membership_intervals
                         where conversation_id = conversation and user_id = app_user_id()
                           and from_seq <= message_seq and (to_seq is null or message_seq < to_seq)) $$;

create function app_is_blocked(other uuid) returns boolean
    language sql stable security definer set search_path = public, pg_temp
    as $$ select exists (select from follows where connection_type = 'blocked'
                         and ((follower_id = other and following_id = app_user_id())
                              or (follower_id = app_user_id() and following_id = other))) $$;

create function app_follows(other uuid) returns boolean
    language sql stable security definer set search_path = public, pg_temp
    as $$ select exists (select from follows where connection_type <> 'blocked'
                         and follower_id = app_user_id() and following_id = other) $$;

create function app_is_followed_by(other uuid, kind text default null) returns boolean
    language sql stable security definer set search_path = public, pg_temp
    as $$ select exists (select from follows where connection_type <> 'blocked'
                         and follower_id = other and following_id = app_user_id()
                         and (kind is null or connection_type = kind)) $$;

-- Whether what an author shows can be seen: one's own always, of a private account only as a follower.
create function app_may_see(author uuid, shown_to text, audience uuid default null) returns boolean
    language sql stable security definer set search_path = public, pg_temp
    as $$ select author = app_user_id() or (
              not app_is_blocked(author)
              and exists (select from users where user_id = author and is_active and deleted_at is null
                          and (not is_private or app_follows(author)))
              and case shown_to
                  when 'public' then true
                  when 'followers' then app_follows(author)
                  when 'friends' then app_follows(author) and app_is_followed_by(author)
                  when 'close_friends' then app_is_followed_by(author, 'close_friend')
                  when 'custom' then exists (select from audience_members
                                             where audience_id = audience and user_id = app_user_id())
                  else false end) $$;

-- Which rows lumina_app sees, and what it may do with those that are its user's own. A table that is not
-- here it cannot touch.
create temporary table fences (fenced text, sees text, writes text, may text) on commit drop;
insert into fences values
    ('users',            'not app_is_blocked(user_id)', null, null),
    ('user_settings',    'user_id = (select app_user_id())', 'user_id = (select app_user_id())', 'update'),
    ('devices',          'user_id = (select app_user_id())', 'user_id = (select app_user_id())', 'insert, update, delete'),
    ('sessions',         'user_id = (select app_user_id())', null, null),
    ('access_tokens',    'user_id = (select app_user_id())', null, null),
    ('account_deletions', 'user_id = (select app_user_id())', null, null),
    ('account_exports',  'user_id = (select app_user_id())', null, null),
    ('user_streams',     'user_id = (select app_user_id())', null, null),
    ('user_events',      'user_id = (select app_user_id())', null, null),
    ('media_objects',    'user_id = (select app_user_id())', null, null),
    ('follows',          $$follower_id = (select app_user_id()) or (connection_type <> 'blocked'
                           and app_may_see(follower_id, 'public') and app_may_see(following_id, 'public'))$$, null, null),
    ('follow_requests',  '(select app_user_id()) in (follower_id, following_id)', null, null),
    ('mutes',            'user_id = (select app_user_id())', 'user_id = (select app_user_id())', 'insert, update, delete'),
    ('audiences',        'user_id = (select app_user_id())', 'user_id = (select app_user_id())', 'insert, update, delete'),
    ('audience_members', 'exists (select from audiences a where a.audience_id = audience_members.audience_id)',
                         'exists (select from audiences a where a.audience_id = audience_members.audience_id)', 'insert, delete'),
    ('posts',            $$user_id = (select app_user_id())
                           or (not is_deleted and not is_archived and app_may_see(user_id, visibility, audience_id))$$, null, null),
    ('post_drafts',      'user_id = (select app_user_id())', 'user_id = (select app_user_id())', 'insert, update, delete'),
    ('post_edits',       'exists (select from posts p where p.post_id = post_edits.post_id and p.user_id = (select app_user_id()))', null, null),
    ('post_analytics',   'exists (select from posts p where p.post_id = post_analytics.post_id and p.user_id = (select app_user_id()))', null, null),
    ('post_coauthors',   'exists (select from posts p where p.post_id = post_coauthors.post_id)', null, null),
    ('post_mentions',    'exists (select from posts p where p.post_id = post_mentions.post_id)', null, null),
    ('post_shares',      'exists (select from posts p where p.post_id = post_shares.post_id)', null, null),
    ('post_topics',      'exists (select from posts p where p.post_id = post_topics.post_id)', null, null),
    ('polls',            'exists (select from posts p where p.post_id = polls.post_id)', null, null),
    ('poll_options',     'exists (select from posts p where p.post_id = poll_options.post_id)', null, null),
    ('poll_votes',       'user_id = (select app_user_id())', null, null),
    ('reactions',        'not app_is_blocked(user_id) and exists (select from posts p where p.post_id = reactions.post_id)', null, null),
    ('comments',         'not is_deleted and not app_is_blocked(user_id) and exists (select from posts p where p.post_id = comments.post_id)', null, null),
    ('comment_likes',    'not app_is_blocked(user_id) and exists (select from comments c where c.comment_id = comment_likes.comment_id)', null, null),
    ('stories',          $$user_id = (select app_user_id())
                           or (not is_deleted and expires_at > now() and app_may_see(user_id, visibility))$$, null, null),
    ('story_views',      'user_id = (select app_user_id()) or exists (select from stories s where s.story_id = story_views.story_id and s.user_id = (select app_user_id()))', null, null),
    ('story_reactions',  'user_id = (select app_user_id()) or exists (select from stories s where s.story_id = story_reactions.story_id and s.user_id = (select app_user_id()))', null, null),
    ('story_answers',    'user_id = (select app_user_id()) or exists (select from stories s where s.story_id = story_answers.story_id and s.user_id = (select app_user_id()))', null, null),
    ('story_highlights', $$app_may_see(user_id, 'public')$$, 'user_id = (select app_user_id())', 'insert, update, delete'),
    ('story_highlight_items', 'exists (select from story_highlights h where h.highlight_id = story_highlight_items.highlight_id)', null, null),
    ('topics',           'true', null, null),
    ('topic_follows',    'user_id = (select app_user_id())', 'user_id = (select app_user_id())', 'insert, delete'),
    ('bookmark_collections', 'user_id = (select app_user_id())', 'user_id = (select app_user_id())', 'insert, update, delete'),
    ('bookmarks',        'user_id = (select app_user_id())', 'user_id = (select app_user_id())', 'insert, update, delete'),
    ('conversations',    'app_is_member(conversation_id)', null, null),
    ('conversation_participants', 'app_is_member(conversation_id)', null, null),
    ('receipts',         'app_is_member(conversation_id)', null, null),
    ('membership_intervals', 'user_id = (select app_user_id())', null, null),
    ('messages',         'app_may_read(conversation_id, seq)', null, null),
    ('message_changes',  'app_may_read(conversation_id, seq)', null, null),
    ('message_reactions', 'app_may_read(conversation_id, seq)', null, null),
    ('message_edits',    'app_may_read(conversation_id, seq)', null, null),
    ('message_pins',     'app_may_read(conversation_id, seq)', null, null),
    ('message_mentions', 'app_may_read(conversation_id, seq)', null, null),
    ('message_hides',    'user_id = (select app_user_id())', null, null),
    ('conversation_drafts', 'user_id = (select app_user_id())', 'user_id = (select app_user_id()) and app_is_member(conversation_id)', 'insert, update, delete'),
    ('scheduled_messages', 'user_id = (select app_user_id())', null, null),
    ('notification_groups', 'user_id = (select app_user_id())', 'user_id = (select app_user_id())', 'update, delete'),
    ('notifications',    'user_id = (select app_user_id())', 'user_id = (select app_user_id())', 'update, delete'),
    ('reports',          'reporter_id = (select app_user_id())', null, null);

-- Of these it reads these columns only: the others are secrets, or the business of one of those who see
-- the row.
create temporary table shown (fenced text, columns text) on commit drop;
insert into shown values
    ('users', 'user_id, username, username_key, full_name, bio, avatar_media_id, is_private, is_verified, account_type,
               is_active, deleted_at, follower_count, following_count, post_count, created_at'),
    ('devices', 'device_id, user_id, name, platform, app_version, created_at, updated_at, last_seen_at'),
    ('access_tokens', 'token_id, user_id, name, scopes, created_at, last_used_at, expires_at, revoked_at'),
    ('follows', 'follower_id, following_id, created_at'),
    ('conversation_participants', 'conversation_id, user_id, role, invited_by, joined_at');

do $$
declare
    t record;
    fence fences;
begin
    -- Grants are on tables and not on their parts, which can be reached through them only.
    for t in
        select c.relname as name from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
          and c.relname not in ('schema_migrations', 'audit_log')
    loop
        execute format('alter table %I enable row level security', t.name);
        execute format('create policy server on %I to lumina_writer, lumina_admin using (true) with check (true)', t.name);
        execute format('grant select, insert, update, delete on %I to lumina_writer, lumina_admin', t.name);
    end loop;
    for fence in select * from fences loop
        execute format('create policy app_sees on %I for select to lumina_app using (%s)', fence.fenced, fence.sees);
        execute format('grant select %s on %I to lumina_app',
                       (select '(' || columns || ')' from shown where fenced = fence.fenced), fence.fenced);
        if fence.may is not null then
            execute format('grant %s on %I to lumina_app', fence.may, fence.fenced);
            if fence.may like '%insert%' then
                execute format('create policy app_adds on %I for insert to lumina_app with check (%s)', fence.fenced, fence.writes);
            end if;
            if fence.may like '%update%' then
                execute format('create policy app_changes on %I for update to lumina_app using (%s) with check (%s)',
                               fence.fenced, fence.writes, fence.writes);
            end if;
            if fence.may like '%delete%' then
                execute format('create policy app_removes on %I for delete to lumina_app using (%s)', fence.fenced, fence.writes);
            end if;
        end if;
    end loop;
end $$;
revoke insert, update, delete on partition_rules from lumina_writer;
grant select on schema_migrations to lumina_writer, lumina_admin;
alter table audit_log enable row level security;
create policy admin_reads on audit_log for select to lumina_admin using (true);
grant select on audit_log to lumina_admin;
grant select on live_users, live_media_objects, live_posts, live_comments, live_stories, live_messages
    to lumina_app, lumina_writer, lumina_admin;
grant select on counter_values, counter_truths to lumina_writer, lumina_admin;

-- What runs with the owner's rights is called by whom it is for.
revoke execute on function make_partitions(timestamptz), drop_partitions(timestamptz), partition_default_rows(),
    make_partition(partition_rules, timestamptz), partition_strays(partition_rules),
    audit_table(regclass, text, text[], text[], text[], text[]) from public;
-- A trigger of somebody's own, on a temporary table, would have them write what it likes.
do $$
declare
    f record;
begin
    for f in
        select p.oid::regprocedure as called from pg_proc p
        where p.pronamespace = 'public'::regnamespace and p.prosecdef and p.prorettype = 'trigger'::regtype
    loop
        execute format('revoke execute on function %s from public', f.called);
    end loop;
end $$;
grant execute on function make_partitions(timestamptz), drop_partitions(timestamptz), partition_default_rows()
    to lumina_writer, lumina_admin;

select make_partitions();

-- min_code: 0.1.0

-- Who changed what: a row for each row that changed.
create table audit_log (
    at         timestamptz not null default clock_timestamp(),
    audit_id   bigint generated always as identity,
    -- The user for whom it was done (app.user_id), or whom the row names; null for the server itself.
    actor_id   uuid,
    db_role    text not null default session_user,
    xid        xid8 not null default pg_current_xact_id(),
    table_name text not null,
    op         varchar(20) not null check (op in ('insert', 'update', 'delete')),
    -- The values of the primary key, joined by '/'.
    row_key    text not null,
    -- {"column": [before, after]}; "changed" where the value is nobody's business.
    changes    jsonb,
    primary key (at, audit_id)
) partition by range (at);
create table audit_log_default partition of audit_log default;
insert into partition_rules (parent, keyed_by, step, ahead, keep)
values ('audit_log', 'timestamptz', 'month', 2, interval '400 days');
create index audit_log_of_row on audit_log (table_name, row_key, at desc);
comment on index audit_log_of_row is 'audit.of_row: what happened to one row, newest first';
create index audit_log_of_actor on audit_log (actor_id, at desc) where actor_id is not null;
comment on index audit_log_of_actor is 'audit.of_actor: what one user did, newest first';

create function audit_key(r jsonb, key_columns text[]) returns text
    language sql immutable parallel safe
    return (select string_agg(r ->> k, '/' order by n) from unnest(key_columns) with ordinality u (k, n));

-- The columns of `before` and `after` that differ. Only columns in `told` show their values.
create function audit_changes(before jsonb, after jsonb, told text[], ignored text[]) returns jsonb
    language sql immutable parallel safe
    return (select jsonb_object_agg(k, case when k = any (told)
                                            then jsonb_build_array(before -> k, after -> k)
                                            else '"changed"'::jsonb end)
            from jsonb_object_keys(before || after) k
            where before -> k is distinct from after -> k and k <> all (ignored));

-- Arguments: the key's columns, those whose values may be told, those that do not matter, and the one that
-- names the actor when nobody is set.
create function audit() returns trigger language plpgsql security definer
    set search_path = public, pg_temp as $$
declare
    keys text[] := tg_argv[0];
    told text[] := tg_argv[1];
    ignored text[] := tg_argv[2];
    actor uuid := nullif(current_setting('app.user_id', true), '')::uuid;
begin
    case tg_op
    when 'INSERT' then
        -- The row itself is the record of what was inserted.
        insert into audit_log (actor_id, table_name, op, row_key)
        select coalesce(actor, (n.r ->> tg_argv[3])::uuid), tg_table_name, 'insert', audit_key(n.r, keys)
        from (select to_jsonb(t) as r from new_rows t) n;
    when 'DELETE' then
        insert into audit_log (actor_id, table_name, op, row_key, changes)
        select coalesce(actor, (o.r ->> tg_argv[3])::uuid), tg_table_name, 'delete', audit_key(o.r, keys),
               audit_changes(o.r, '{}', told, ignored || keys)
        from (select to_jsonb(t) as r from old_rows t) o;
    else
        insert into audit_log (actor_id, table_name, op, row_key, changes)
        select coalesce(actor, (n.r ->> tg_argv[3])::uuid), tg_table_name, 'update', audit_key(n.r, keys), c.changes
        from (select to_jsonb(t) as r, to_jsonb(t) - ignored as seen from new_rows t) n
        join (select to_jsonb(t) as r, to_jsonb(t) - ignored as seen from old_rows t) o
             on audit_key(o.r, keys) = audit_key(n.r, keys) and o.seen <> n.seen
        cross join lateral (select audit_changes(o.r, n.r, told, ignored) as changes) c;
    end case;
    return null;
end $$;

-- Put a table under audit; again, after its columns have changed. Values are told of columns that cannot
-- hold prose or a secret (flags, numbers, ids, times, words of at most 20 characters), of those in `also`,
-- and never of those in `secret`. What is in `ignored` is no change: counters, and when it was last touched.
create function audit_table(audited regclass, actor text, also text[] default '{}', secret text[] default '{}',
                            ignored text[] default '{}', ops text[] default array['insert', 'update', 'delete'])
returns void language plpgsql as $$
declare
    keys text[];
    told text[];
    op text;
begin
    select array_agg(a.attname order by k.n) into keys
    from pg_index i, unnest(i.indkey::smallint[]) with ordinality k (attnum, n)
    join pg_attribute a using (attnum)
    where i.indrelid = audited and i.indisprimary and a.attrelid = audited;

    select array_agg(a.attname) into told
    from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = audited and a.attnum > 0 and not a.attisdropped
      and (a.attname = any (also)
           or (a.attname <> all (secret)
               and (t.typname in ('bool', 'int2', 'int4', 'int8', 'numeric', 'uuid', 'timestamptz', 'date', 'mood')
                    or (t.typname = 'varchar' and a.atttypmod - 4 <= 20))));

    foreach op in array array['insert', 'update', 'delete'] loop
        execute format('drop trigger if exists audit_%s on %s', op, audited);
        if op = any (ops) then
            execute format('create trigger audit_%s after %s on %s referencing %s
                            for each statement execute function audit(%L, %L, %L, %L)',
                           op, op, audited,
                           case op when 'insert' then 'new table as new_rows'
                                   when 'delete' then 'old table as old_rows'
                                   else 'old table as old_rows new table as new_rows' end,
                           keys, coalesce(told, '{}'),
                           ignored || array['updated_at', 'last_seen_at', 'last_login_at', 'last_used_at'], actor);
        end if;
    end loop;
end $$;

-- Not audited, since the row is the record and is kept or counted elsewhere: views of posts and stories,
-- counters, events and the log of what must be told, receipts, drafts being typed. Of messages only
-- what happens after they were sent.
select audit_table('users', 'user_id', also => '{username,full_name}',
                   ignored => '{follower_count,following_count,post_count}');
select audit_table('messages', 'sender_id', ops => '{update,delete}');
select audit_table('conversations', null, also => '{title}',
                   ignored => '{last_seq,last_rev,purged_rev,member_count,members_version}');
select audit_table('posts', 'user_id', secret => '{latitude,longitude}',
                   ignored => '{reactions_inspired,reactions_grateful,reactions_curious,reactions_excited,
                                reactions_thoughtful,reaction_count,comment_count,share_count,view_count}');
select audit_table('comments', 'user_id', ignored => '{like_count,reply_count}');
select audit_table('stories', 'user_id', ignored => '{view_count,reaction_count}');
select audit_table('topics', null, also => '{topic_name,display_name}', ignored => '{post_count,follower_count}');
select audit_table('polls', null);
select audit_table('poll_options', null, ignored => '{vote_count}');
select audit_table('media_objects', 'user_id', also => '{content_type}', ignored => '{received}');
select audit_table('sessions', 'user_id');
select audit_table('refresh_tokens', 'user_id', ops => '{update}');
select audit_table('bookmark_collections', 'user_id', also => '{name}');
select audit_table('audiences', 'user_id', also => '{name}');
select audit_table('conversation_participants', null);
select audit_table('audience_members', null);
select audit_table('follows', 'follower_id');
select audit_table('follow_requests', 'follower_id');
select audit_table('conversation_invites', 'created_by', ignored => '{uses}');
select audit_table('reports', 'reporter_id', also => '{reason,resolution}');
select audit_table('post_topics', null);
select audit_table(name::regclass, 'user_id')
from unnest(array[
    'user_settings', 'devices', 'access_tokens', 'account_tokens', 'user_totp', 'recovery_codes',
    'username_history', 'account_deletions', 'account_exports', 'mutes', 'post_drafts', 'post_coauthors',
    'post_mentions', 'post_shares', 'poll_votes', 'reactions', 'comment_likes', 'story_reactions',
    'story_answers', 'story_highlights', 'topic_follows', 'bookmarks', 'message_reactions', 'message_pins',
    'message_hides', 'scheduled_messages']) name;
select audit_table('story_highlight_items', null);
select audit_table('partition_rules', null, also => '{parent,keep}');

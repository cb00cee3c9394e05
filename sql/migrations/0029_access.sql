-- min_code: 0.1.0

-- Whether the two of a direct conversation have said something in it. Null where that was not kept yet: an
-- older conversation counts as one in which both have.
alter table conversations add column low_wrote boolean, add column high_wrote boolean;
alter table conversations alter column low_wrote set default false, alter column high_wrote set default false;
-- They follow from the messages, as the counters do: no change that is to be told of.
select audit_table('conversations', null, also => '{title}',
                   ignored => '{last_seq,last_rev,purged_rev,member_count,members_version,low_wrote,high_wrote}');

create index follows_blocks_of_user on follows (follower_id, created_at desc) where connection_type = 'blocked';
comment on index follows_blocks_of_user is 'blocks.page: whom one user has blocked, newest first';

-- The rules of access, each in one place. They are sets with at most one row, so that Postgres puts them into
-- the statement that asks, and plans them with it (a function that gives one value it would call each time):
-- `exists (select from may_see(...))`.

-- Whether either of two has blocked the other.
create function blocked_between(one uuid, other uuid) returns setof uuid
language sql stable parallel safe as $$
    select f.follower_id from follows f
    where f.follower_id = one and f.following_id = other and f.connection_type = 'blocked'
    union all
    select f.follower_id from follows f
    where f.follower_id = other and f.following_id = one and f.connection_type = 'blocked'
$$;

-- Whether a user does not take messages of another who they have not written to. "following" are those whom the
-- receiver follows.
create function not_accepting(receiver uuid, sender uuid) returns setof uuid
language sql stable parallel safe as $$
    select s.user_id from user_settings s
    where s.user_id = receiver and s.allow_messages_from <> 'everyone'
      and (s.allow_messages_from = 'no_one' or not exists (
          select from follows f where f.follower_id = receiver and f.following_id = sender
                                  and f.connection_type <> 'blocked'))
$$;

-- Why a member of a direct conversation cannot say anything in it: no row when they can, and for groups. Where
-- the receiver has written, it stays open whatever they set later, until they block.
create function closed_to(conversation uuid, sender uuid) returns setof text
language sql stable parallel safe as $$
    select case when exists (select from blocked_between(c.direct_low, c.direct_high)) then 'blocked'
                else 'not_accepted' end
    from conversations c
    where c.conversation_id = conversation and c.direct_low is not null
      and (exists (select from blocked_between(c.direct_low, c.direct_high))
           or case when sender = c.direct_low
                   then c.high_wrote is false and exists (select from not_accepting(c.direct_high, sender))
                   else c.low_wrote is false and exists (select from not_accepting(c.direct_low, sender)) end)
$$;

-- Whether somebody may see what another shows to these: 'public', 'followers', 'friends' (who follow each
-- other), 'close_friends' (whom the owner has named so), 'custom' (who is in the audience), 'private' (nobody).
-- Everybody sees their own. A private account shows nothing but to its followers; a block hides everything,
-- both ways. Staff see all that was shown to somebody, also of suspended accounts: reports are about that, and
-- what is private nobody can report. app_may_see (0018) says the same for the role lumina_app, without staff.
create function may_see(viewer uuid, owner uuid, shown_to text, audience uuid default null) returns setof uuid
language sql stable parallel safe as $$
    select u.user_id from users u
    where u.user_id = owner and (
        viewer = owner
        or (u.deleted_at is null and shown_to <> 'private' and exists (
            select from users s where s.user_id = viewer and s.staff_role is not null and s.is_active))
        or (u.deleted_at is null and u.is_active and (u.suspended_until is null or u.suspended_until <= now())
            and not exists (select from blocked_between(viewer, owner))
            and (not u.is_private or exists (
                select from follows f where f.follower_id = viewer and f.following_id = owner))
            and case shown_to
                when 'public' then true
                when 'followers' then exists (
                    select from follows f where f.follower_id = viewer and f.following_id = owner)
                when 'friends' then exists (
                        select from follows f where f.follower_id = viewer and f.following_id = owner)
                    and exists (select from follows f where f.follower_id = owner and f.following_id = viewer)
                when 'close_friends' then exists (
                    select from follows f where f.follower_id = owner and f.following_id = viewer
                                            and f.connection_type = 'close_friend')
                when 'custom' then exists (
                    select from audience_members m where m.audience_id = audience and m.user_id = viewer)
                else false end))
$$;

-- As in 0020, and: what the receiver does not take is refused (not_accepted), and who has written is kept with
-- the counters, in the same row, so that it costs nothing more.
create or replace function send_messages(conversation_ids uuid[], message_ids uuid[], sender_ids uuid[],
                                         contents text[], digests bytea[], node_id text)
returns table (ord bigint, status text, seq bigint, rev bigint, created_at bigint, member_ids uuid[])
language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
    -- Everybody locks in one order, so nobody waits in a circle.
    perform from conversations c where c.conversation_id = any (conversation_ids)
    order by c.conversation_id for no key update;

    return query
    with given as materialized (
        select * from unnest(conversation_ids, message_ids, sender_ids, contents, digests) with ordinality
            g (conversation_id, message_id, sender_id, content, digest, ord)
    ), member as materialized (
        select g.ord from given g, lateral (
            select from conversation_participants p
            where p.conversation_id = g.conversation_id and p.user_id = g.sender_id offset 0) p
    ), closed as materialized (
        select d.conversation_id, d.sender_id, c.why
        from (select distinct g.conversation_id, g.sender_id from given g) d,
        lateral (select why from closed_to(d.conversation_id, d.sender_id) why offset 0) c
    ), known as materialized (
        select g.ord, m.seq, m.rev, m.created_at, m.sender_id = g.sender_id and m.content_digest = g.digest as same
        from given g, lateral (
            select * from messages m
            where m.conversation_id = g.conversation_id and m.message_id = g.message_id offset 0) m
    ), fresh as materialized (
        select distinct on (g.conversation_id, g.message_id) g.*
        from given g
        where g.ord in (select member.ord from member) and g.ord not in (select known.ord from known)
          and (g.conversation_id, g.sender_id) not in (select c.conversation_id, c.sender_id from closed c)
        order by g.conversation_id, g.message_id, g.ord
    ), numbered as (
        -- The clock is read under the lock, unlike by now(): time must not run against seq.
        update conversations c
        set last_seq = c.last_seq + n.count, last_rev = c.last_rev + n.count,
            low_wrote = c.low_wrote or coalesce(c.direct_low = any (n.writers), false),
            high_wrote = c.high_wrote or coalesce(c.direct_high = any (n.writers), false),
            updated_at = greatest(c.updated_at, clock_timestamp())
        from (select f.conversation_id, count(*) as count, array_agg(f.sender_id) as writers
              from fresh f group by f.conversation_id) n
        where c.conversation_id = n.conversation_id
        returning c.conversation_id, c.last_seq - n.count as seq, c.last_rev - n.count as rev, c.last_rev,
                  c.updated_at as at, c.members_version
    ), kept as (
        insert into messages as m (conversation_id, message_id, seq, rev, sender_id, content, content_digest, created_at)
        select f.conversation_id, f.message_id, n.seq + row_number() over w, n.rev + row_number() over w,
               f.sender_id, f.content, f.digest, n.at
        from fresh f join numbered n using (conversation_id)
        window w as (partition by f.conversation_id order by f.ord)
        returning m.conversation_id, m.message_id, m.seq, m.rev, m.created_at
    ), told as (
        insert into outbox (node_id, conversation_id, from_rev, to_rev, members_version)
        select node_id, n.conversation_id, n.rev + 1, n.last_rev, n.members_version from numbered n
    )
    select g.ord,
           case when o.same then 'retry'
                when b.ord is null then 'stranger'
                when o.ord is not null then 'conflict'
                when x.why is not null then x.why
                when f.ord = g.ord then 'sent'
                when f.sender_id = g.sender_id and f.digest = g.digest then 'retry'
                else 'conflict' end,
           coalesce(o.seq, k.seq), coalesce(o.rev, k.rev), to_ms(coalesce(o.created_at, k.created_at)),
           -- Once for each conversation: with its first new message.
           case when k.seq = n.seq + 1 and f.ord = g.ord then array(
               select p.user_id from conversation_participants p where p.conversation_id = g.conversation_id) end
    from given g
    left join known o on o.ord = g.ord
    left join member b on b.ord = g.ord
    left join closed x on x.conversation_id = g.conversation_id and x.sender_id = g.sender_id
    left join fresh f on f.conversation_id = g.conversation_id and f.message_id = g.message_id
    left join kept k on k.conversation_id = g.conversation_id and k.message_id = g.message_id
    left join numbered n on n.conversation_id = g.conversation_id
    order by g.ord;
end $$;

-- As in 0018, but that a suspended account shows nothing either.
create or replace function app_may_see(author uuid, shown_to text, audience uuid default null) returns boolean
    language sql stable security definer set search_path = public, pg_temp
    as $$ select author = app_user_id() or (
              not app_is_blocked(author)
              and exists (select from users where user_id = author and is_active and deleted_at is null
                          and (suspended_until is null or suspended_until <= now())
                          and (not is_private or app_follows(author)))
              and case shown_to
                  when 'public' then true
                  when 'followers' then app_follows(author)
                  when 'friends' then app_follows(author) and app_is_followed_by(author)
                  when 'close_friends' then app_is_followed_by(author, 'close_friend')
                  when 'custom' then exists (select from audience_members
                                             where audience_id = audience and user_id = app_user_id())
                  else false end) $$;

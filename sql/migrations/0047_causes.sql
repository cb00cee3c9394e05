-- min_code: 0.1.0

-- New posts of which those who follow their author are to be told: a worker does it, some at a time, for an author may
-- have many. `told_upto` is the last of them that was.
create table post_announcements (
    post_id    uuid primary key references posts on delete cascade,
    told_upto  uuid,
    created_at timestamptz not null default now()
);
alter table post_announcements enable row level security;
create policy server on post_announcements to lumina_writer, lumina_admin using (true) with check (true);
grant select, insert, update, delete on post_announcements to lumina_writer, lumina_admin;
create index follows_to_tell on follows (following_id, follower_id) where notify_on_post and connection_type <> 'blocked';
comment on index follows_to_tell is 'notifications.announce: who is told of new posts of one user';

-- What is about something is found also before it is told: see notifications.look_at_post.
create index notification_causes_of_post on notification_causes (post_id) where kind = 'add' and post_id is not null;
comment on index notification_causes_of_post is 'notifications.look_at_post: what is about to be told of one post';
create index notification_causes_of_comment on notification_causes (comment_id)
    where kind = 'add' and comment_id is not null;
comment on index notification_causes_of_comment is
    'notifications.look_at_comment: what is about to be told of one comment';

-- As in 0043, and a post is there for whom `post_for` says: its co-authors, and its author while it is archived.
create or replace function notification_holds(receiver uuid, actor uuid, post uuid, comment uuid, story uuid,
                                   conversation uuid, message uuid) returns setof uuid
language sql stable parallel safe as $$
    select receiver
    where (actor is null
           or (exists (select from users a where a.user_id = actor and a.deleted_at is null)
               and not exists (select from blocked_between(receiver, actor))))
      and (post is null or exists (select from post_for(receiver, post)))
      and (comment is null or exists (select from live_comments c where c.comment_id = comment))
      and (story is null or exists (
          select from live_stories s where s.story_id = story
            and exists (select from may_see(receiver, s.user_id, s.visibility))))
      and (conversation is null or exists (
          select from conversation_participants p where p.conversation_id = conversation and p.user_id = receiver))
      and (message is null or exists (
          select from messages m where m.conversation_id = conversation and m.message_id = message
            and not m.is_deleted and (m.expires_at is null or m.expires_at > now())))
$$;

-- As in 0037, and the same rule; what is archived nobody sends.
create or replace function complete_messages(conversation_ids uuid[], message_ids uuid[], sender_ids uuid[], extras jsonb[])
returns jsonb[] language plpgsql volatile set plan_cache_mode = force_generic_plan as $$
begin
    return (
        select array_agg(case when g.extra is not null then jsonb_strip_nulls(jsonb_build_object(
            'bad', case
                when to_timestamp((g.extra ->> 'expires_at')::bigint / 1000.0)
                     not between clock_timestamp() and clock_timestamp() + interval '1 year' then 'bad_expiry'
                when g.extra ? 'reply_to' and a.message_id is null and not exists (
                    select from unnest(conversation_ids, message_ids) with ordinality b (conversation_id, message_id, ord)
                    where b.conversation_id = g.conversation_id and b.ord < g.ord
                      and b.message_id = (g.extra ->> 'reply_to')::uuid) then 'no_answered'
                when g.extra ? 'forwarded_from' and o.seq is null then 'no_origin'
                when o.gone then 'origin_gone'
                when o.is_ephemeral or o.message_type in ('system', 'story_reply') then 'origin_stays'
                when f.missing > 0 then 'no_media'
                when f.unfinished > 0 then 'media_unfinished'
                when f.unfit > 0 then 'media_unfit'
                when coalesce(o.post_id::text, g.extra ->> 'post_id') is not null and not exists (
                    select from post_for(g.sender_id, coalesce(o.post_id, (g.extra ->> 'post_id')::uuid)) p
                    where not p.is_archived)
                    then 'no_post' end,
            'message_type', coalesce(o.message_type, g.extra ->> 'message_type'),
            'content', o.content,
            'media_ids', coalesce(o.media_ids::text, g.extra ->> 'media_ids'),
            'post_id', coalesce(o.post_id::text, g.extra ->> 'post_id'),
            'reply_to', g.extra -> 'reply_to',
            'expires_at', g.extra -> 'expires_at',
            'expires_after_s', g.extra -> 'expires_after_s',
            'body', nullif(jsonb_strip_nulls(jsonb_build_object(
                'forwarded_from', g.extra -> 'forwarded_from',
                'mentions', (
                    select jsonb_agg(p.user_id order by x.ord)
                    from jsonb_array_elements_text(g.extra -> 'mentions') with ordinality x (user_id, ord)
                    join conversation_participants p
                      on p.conversation_id = g.conversation_id and p.user_id = x.user_id::uuid))), '{}')
            )) end order by g.ord)
        from unnest(conversation_ids, sender_ids, extras) with ordinality g (conversation_id, sender_id, extra, ord)
        left join lateral (
            select m.message_id from messages m
            where m.conversation_id = g.conversation_id and m.message_id = (g.extra ->> 'reply_to')::uuid
              and exists (select from membership_intervals i
                          where i.conversation_id = m.conversation_id and i.user_id = g.sender_id
                            and i.from_seq <= m.seq and (i.to_seq is null or m.seq < i.to_seq))
              and not exists (select from message_hides h where h.user_id = g.sender_id
                              and h.conversation_id = m.conversation_id and h.seq = m.seq)
            offset 0) a on true
        left join lateral (
            select m.*, m.is_deleted or coalesce(m.expires_at <= clock_timestamp(), false) as gone from messages m
            where m.conversation_id = (g.extra #>> '{forwarded_from,conversation_id}')::uuid
              and m.message_id = (g.extra #>> '{forwarded_from,message_id}')::uuid
              and exists (select from conversation_participants p
                          where p.conversation_id = m.conversation_id and p.user_id = g.sender_id)
              and exists (select from membership_intervals i
                          where i.conversation_id = m.conversation_id and i.user_id = g.sender_id
                            and i.from_seq <= m.seq and (i.to_seq is null or m.seq < i.to_seq))
              and not exists (select from message_hides h where h.user_id = g.sender_id
                              and h.conversation_id = m.conversation_id and h.seq = m.seq)
            offset 0) o on true
        left join lateral (
            -- Of what is passed on, whose it is does not count.
            select count(*) filter (where q.media_id is null or q.is_deleted or q.user_id <> g.sender_id) as missing,
                   count(*) filter (where q.status <> 'ready') as unfinished,
                   count(*) filter (where not g.extra -> 'kinds' ? q.kind) as unfit
            from unnest((g.extra ->> 'media_ids')::uuid[]) w (media_id) left join media_objects q using (media_id)
        ) f on true);
end $$;

-- As in 0043, and whoever deletes a notification may do so.
create or replace function look_at_groups() returns trigger language plpgsql security definer
    set search_path = public, pg_temp as $$
begin
    if current_setting('lumina.notifying', true) = 'on' then
        return null;
    end if;
    insert into notification_causes (kind, user_id, group_key)
    select distinct 'look', o.user_id, o.group_key from old_rows o where o.group_key is not null
    order by 2, 3
    on conflict (user_id, group_key) where kind = 'look' do nothing;
    return null;
end $$;

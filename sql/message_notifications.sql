-- Of messages no notification is kept one by one: the groups `message:` and `mention:` of a conversation follow from
-- what is unread in it, and are looked at when that may have changed. In conversations of more than 200 only mentions
-- are told of.

-- name: begin
-- What is committed from now on will be looked at.
insert into outbox_readers (reader, epoch, xid, outbox_id)
select 'notifications', c.epoch, pg_snapshot_xmin(pg_current_snapshot()), 0 from cluster c
on conflict (reader) do update set epoch = excluded.epoch, xid = excluded.xid, outbox_id = 0
where outbox_readers.epoch <> excluded.epoch;

-- name: turn
-- No row while another node has the turn.
select xid::text as xid, outbox_id from outbox_readers where reader = 'notifications' for no key update skip locked;

-- name: moved
update outbox_readers set xid = :xid::text::xid8, outbox_id = :outbox_id where reader = 'notifications';

-- name: look
-- After what became of these conversations: at each member who was told of something there, and, where something new was
-- said, at each who has not read all.
insert into notification_causes (kind, user_id, group_key, conversation_id, due_at)
select 'look', f.user_id, 'message:' || f.conversation_id, f.conversation_id,
       case when f.told_at is null then now() + make_interval(secs => :after_s)
            else greatest(now(), f.told_at + make_interval(secs => least(:pause_s, f.cause_count * 0.1))) end
from (
    select distinct on (p.user_id, p.conversation_id) p.user_id, p.conversation_id, g.told_at, g.cause_count
    from (
        select o.conversation_id, bool_or(exists (
                   select from messages m where m.conversation_id = o.conversation_id
                     and m.rev between o.from_rev and o.to_rev and m.message_type <> 'system')) as is_fresh
        from unnest(:conversation_ids::uuid[], :revs::bigint[], :upto_revs::bigint[]) o (conversation_id, from_rev, to_rev)
        group by o.conversation_id
    ) o
    cross join lateral (
        select c.* from conversations c where c.conversation_id = o.conversation_id offset 0
    ) c
    cross join lateral (
        select p.* from conversation_participants p
        where p.conversation_id = c.conversation_id and c.member_count <= 200
        union all
        select p.* from conversation_participants p
        where p.conversation_id = c.conversation_id and c.member_count > 200 and p.user_id in (
            select x.user_id from message_mentions x
            where x.conversation_id = c.conversation_id and x.seq > c.last_seq - 200)
    ) p
    left join receipts r on r.conversation_id = p.conversation_id and r.user_id = p.user_id
    left join lateral (
        select g.* from notification_groups g where g.user_id = p.user_id
          and g.group_key in ('message:' || p.conversation_id, 'mention:' || p.conversation_id) offset 0
    ) g on true
    where g.told_at is not null or (o.is_fresh and c.last_seq > coalesce(r.read_seq, 0))
    order by p.user_id, p.conversation_id, g.told_at desc nulls last
) f
on conflict (user_id, group_key) where kind = 'look' do nothing;

-- name: look_at_deleted
-- What somebody was told of messages that are not there any more. First which these are, of which there are few: all
-- members of a group may have been told something of it.
with gone as materialized (
    select distinct o.conversation_id, m.message_id
    from unnest(:conversation_ids::uuid[], :revs::bigint[], :upto_revs::bigint[]) o (conversation_id, from_rev, to_rev)
    cross join lateral (
        select x.seq from message_changes x
        where x.conversation_id = o.conversation_id and x.rev between o.from_rev and o.to_rev offset 0
    ) x
    cross join lateral (
        select m.message_id from messages m
        where m.conversation_id = o.conversation_id and m.seq = x.seq and m.is_deleted offset 0
    ) m
)
insert into notification_causes (kind, user_id, group_key)
select distinct 'look', n.user_id, n.group_key
from gone g
cross join lateral (
    select n.user_id, n.group_key from notifications n
    where n.conversation_id = g.conversation_id and n.message_id = g.message_id and n.group_key is not null offset 0
) n
order by 2, 3
on conflict (user_id, group_key) where kind = 'look' do nothing;

-- name: look_after_reading
-- What users have done for themselves: read, muted, hidden, left. Only what they were told of is looked at, and at once.
insert into notification_causes (kind, user_id, group_key, conversation_id)
select distinct 'look', e.user_id, f.group_key, case when f.group_key like 'message:%' then f.conversation_id end
from unnest(:user_ids::uuid[], :revs::bigint[]) o (user_id, rev)
cross join lateral (select * from user_events e where e.user_id = o.user_id and e.rev = o.rev offset 0) e
cross join lateral (
    select (e.body ->> 'conversation_id')::uuid as conversation_id, 'message:' || (e.body ->> 'conversation_id') as group_key
    where exists (select from notification_groups g where g.user_id = e.user_id and g.group_key in (
        'message:' || (e.body ->> 'conversation_id'), 'mention:' || (e.body ->> 'conversation_id')))
    union all
    select null, n.group_key from notifications n
    where e.event_type = 'conversation.left' and n.user_id = e.user_id and n.group_key is not null
      and n.conversation_id = (e.body ->> 'conversation_id')::uuid
) f
where e.event_type in ('conversation.read_to', 'conversation.preferences', 'conversation.left', 'message.hidden')
order by 2, 3
on conflict (user_id, group_key) where kind = 'look' do update set due_at = now();

-- name: unread
-- What these have not read of these conversations, of the newest 100 messages: those that name them, and the others. No
-- row where nothing is to be told.
select a.user_id, a.conversation_id, u.is_mention, u.messages, u.senders, u.sender_ids, u.message_id, u.seq,
       coalesce(p.muted_until > now(), false) or s.calm_mode or coalesce(l.level = 'silent', false) as is_silent
from unnest(:user_ids::uuid[], :conversation_ids::uuid[]) a (user_id, conversation_id)
join conversation_participants p on p.conversation_id = a.conversation_id and p.user_id = a.user_id
join conversations c on c.conversation_id = a.conversation_id
join user_settings s on s.user_id = a.user_id
left join receipts r on r.conversation_id = a.conversation_id and r.user_id = a.user_id
cross join lateral (
    select m.is_mention, count(*) as messages, count(distinct m.sender_id) as senders,
           (array_agg(m.message_id order by m.seq desc))[1] as message_id, max(m.seq) as seq,
           (select array_agg(w.sender_id order by w.newest desc)
            from (select o.sender_id, max(o.seq) as newest from unnest(array_agg(m.sender_id), array_agg(m.seq))
                  o (sender_id, seq) group by o.sender_id order by newest desc limit 3) w) as sender_ids
    from (
        select m.*, exists (select from message_mentions x where x.user_id = a.user_id
                              and x.conversation_id = m.conversation_id and x.seq = m.seq) as is_mention
        from (select * from messages m where m.conversation_id = a.conversation_id and m.seq > coalesce(r.read_seq, 0)
              order by m.seq desc limit 100) m
        where m.sender_id <> a.user_id and m.message_type <> 'system' and not m.is_deleted
          and (m.expires_at is null or m.expires_at > now())
          and exists (select from membership_intervals i where i.conversation_id = m.conversation_id
                        and i.user_id = a.user_id and i.to_seq is null and m.seq >= i.from_seq)
          and not exists (select from message_hides h where h.user_id = a.user_id
                            and h.conversation_id = m.conversation_id and h.seq = m.seq)
          and not exists (select from blocked_between(a.user_id, m.sender_id))
          and not exists (select from notification_muted(a.user_id, m.sender_id, null, null))
    ) m group by m.is_mention
) u
left join notification_preferences l on l.user_id = a.user_id
    and l.notification_type = case when u.is_mention then 'mention' else 'message' end
where coalesce(l.level, 'on') <> 'off'
  and (u.is_mention or (c.member_count <= 200 and not coalesce(p.muted_until > now(), false)
                        and not is_archived(p.archived_seq, p.muted_until, c.last_seq)));

-- name: set
-- A row for each that was otherwise. News only where the newest message is another one and there are not fewer: who
-- deletes or reads some has not said anything new.
insert into notification_groups as g (user_id, group_key, notification_type, title, actor_ids, actor_count, cause_count,
                                      is_silent, about, told_at, news_at)
select a.user_id, a.group_key, a.type, a.title, a.actor_ids::uuid[], a.actors, a.causes,
       a.is_silent, jsonb_build_object('conversation_id', a.conversation_id, 'message_id', a.message_id, 'seq', a.seq),
       clock_timestamp(), clock_timestamp()
from unnest(:receiver_ids::uuid[], :group_keys::text[], :types::text[], :titles::text[], :actor_arrays::text[], :actors::integer[],
            :causes::integer[], :are_silent::boolean[], :conversation_ids::uuid[], :message_ids::uuid[], :seqs::bigint[])
     a (user_id, group_key, type, title, actor_ids, actors, causes, is_silent, conversation_id, message_id, seq)
on conflict (user_id, group_key) do update
set title = excluded.title, actor_ids = excluded.actor_ids, actor_count = excluded.actor_count,
    cause_count = excluded.cause_count, about = excluded.about, told_at = excluded.told_at,
    is_read = g.is_read and (excluded.about ->> 'seq')::bigint <= coalesce((g.about ->> 'seq')::bigint, 0),
    read_at = case when (excluded.about ->> 'seq')::bigint <= coalesce((g.about ->> 'seq')::bigint, 0) then g.read_at end,
    news_at = case when (excluded.about ->> 'seq')::bigint > coalesce((g.about ->> 'seq')::bigint, 0)
                   then excluded.news_at else g.news_at end,
    is_silent = excluded.is_silent
where (g.actor_ids, g.cause_count, g.actor_count, g.about, g.is_silent)
      is distinct from (excluded.actor_ids, excluded.cause_count, excluded.actor_count, excluded.about, excluded.is_silent)
returning g.user_id, g.group_key;

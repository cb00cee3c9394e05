-- min_code: 0.1.0

-- What a group shows beside its number, kept with it so that a list reads one table. `about` names what the newest
-- cause is about. The title is without the actors, whose names change.
alter table notification_groups
    add column title       varchar(255) not null default '',
    add column message     varchar(2000) not null default '',
    add column actor_ids   uuid[] not null default '{}' check (cardinality(actor_ids) <= 3),
    add column cause_count integer not null default 0,
    add column is_silent   boolean not null default false,
    add column about       jsonb not null default '{}',
    -- When its newest cause came; `updated_at` moves with reading as well.
    add column news_at     timestamptz not null default now(),
    add column told_at     timestamptz;
create index notification_groups_newest on notification_groups (user_id, to_ms(news_at) desc, group_key desc);
comment on index notification_groups_newest is 'notifications.page: the groups of one user, newest first';
comment on index notification_groups_of_user is 'what one user was told of, by its last change';
-- Of a message: it has its place in a conversation, and no key of its own that could be referred to.
alter table notifications add column message_id uuid;
create index notifications_of_group_actor on notifications (user_id, group_key, actor_id);
comment on index notifications_of_group_actor is 'notifications.remove: whether somebody has caused more of a group';

-- How much of each type a user wants; no row: on. An unknown type has none.
create table notification_preferences (
    user_id           uuid not null references users on delete cascade,
    notification_type notification_type not null,
    level             varchar(20) not null check (level in ('on', 'silent', 'off')),
    updated_at        timestamptz not null default now(),
    primary key (user_id, notification_type)
);
create trigger touch before update of level on notification_preferences for each row execute function touch();

-- What a notification is to be made of, or to lose: a cause writes a row here in its own transaction, and touches
-- no row that others write too. A worker takes them, under the lock of the receiver's stream (notifications.due).
-- Without foreign keys: what is gone by then is passed over.
create table notification_causes (
    cause_id          bigint generated always as identity primary key,
    user_id           uuid not null,
    group_key         varchar(100) not null,
    -- look: see whether what is there still holds.
    kind              varchar(10) not null check (kind in ('add', 'remove', 'look', 'drop')),
    notification_type notification_type,
    notification_id   uuid,
    actor_id          uuid,
    post_id           uuid,
    comment_id        uuid,
    conversation_id   uuid,
    story_id          uuid,
    message_id        uuid,
    title             varchar(255) not null default '',
    message           varchar(2000) not null default '',
    created_at        timestamptz not null default now(),
    due_at            timestamptz not null default now()
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
create index notification_causes_due on notification_causes (due_at);
comment on index notification_causes_due is 'notifications.due: whose notifications change now';
create index notification_causes_of_group on notification_causes (user_id, group_key, cause_id);
comment on index notification_causes_of_group is 'notifications.take: what there is for one group';
create unique index notification_causes_looks on notification_causes (user_id, group_key) where kind = 'look';
comment on index notification_causes_looks is 'notifications.look: one is enough';

-- Who has read the outbox up to where: one turn at a time, of whichever node.
create table outbox_readers (
    reader    varchar(50) primary key,
    epoch     bigint not null,
    xid       xid8 not null,
    outbox_id bigint not null
);

do $$
declare
    made text;
begin
    foreach made in array array['notification_preferences', 'notification_causes', 'outbox_readers'] loop
        execute format('alter table %I enable row level security', made);
        execute format('create policy server on %I to lumina_writer, lumina_admin using (true) with check (true)', made);
        execute format('grant select, insert, update, delete on %I to lumina_writer, lumina_admin', made);
    end loop;
end $$;
create policy app_sees on notification_preferences for select to lumina_app using (user_id = (select app_user_id()));
grant select on notification_preferences to lumina_app;

-- Whether a notification is still one: what it is about is there, and its receiver may see it; nobody has blocked.
create function notification_holds(receiver uuid, actor uuid, post uuid, comment uuid, story uuid,
                                   conversation uuid, message uuid) returns setof uuid
language sql stable parallel safe as $$
    select receiver
    where (actor is null
           or (exists (select from users a where a.user_id = actor and a.deleted_at is null)
               and not exists (select from blocked_between(receiver, actor))))
      and (post is null or exists (
          select from live_posts p where p.post_id = post
            and exists (select from may_see(receiver, p.user_id, p.visibility, p.audience_id))))
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

-- Whether a receiver does not want to hear of an actor, in general or about their posts or stories.
create function notification_muted(receiver uuid, actor uuid, post uuid, story uuid) returns setof uuid
language sql stable parallel safe as $$
    select m.user_id from mutes m
    where m.user_id = receiver and m.muted_id = actor and (m.until is null or m.until > now())
      and (m.scope = 'all'
           or (m.scope = 'posts' and exists (select from posts p where p.post_id = post and p.user_id = actor))
           or (m.scope = 'stories' and exists (select from stories s where s.story_id = story and s.user_id = actor)))
$$;

-- What is deleted with something else, or is old enough: its group is looked at. Not where groups are written
-- anyway: see notifications.due.
create function look_at_groups() returns trigger language plpgsql as $$
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
create trigger look_at_groups after delete on notifications
    referencing old table as old_rows for each statement execute function look_at_groups();

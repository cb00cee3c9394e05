-- min_code: 0.1.0

-- The changes of a post's comments are numbered 1, 2, 3 … without holes, under the lock of the post; each comment
-- has the number of its newest one. `version` counts the edits of its author only.
alter table comments
    add column rev     bigint not null default 0,
    add column version integer not null default 1;
create unique index comments_by_rev on comments (post_id, rev) where rev > 0;
comment on index comments_by_rev is 'comments.since: what has changed among the comments of a post since a rev';
create index comments_pinned on comments (post_id, pinned_at) where pinned_at is not null;
comment on index comments_pinned is 'comments.pinned: the comments that the author of a post has pinned';
select audit_table('comments', 'user_id', ignored => '{like_count,reply_count,rev,version}');
create or replace view live_comments with (security_invoker = true) as
    select * from comments where not is_deleted;

-- Not in posts: that row others change as well.
create table comment_streams (
    post_id  uuid primary key references posts on delete cascade,
    last_rev bigint not null default 0,
    -- Of the newest comment: their times grow, by a millisecond at least.
    last_at  timestamptz not null default 'epoch'
);
alter table comment_streams enable row level security;
create policy server on comment_streams to lumina_writer, lumina_admin using (true) with check (true);
grant select, insert, update, delete on comment_streams to lumina_writer, lumina_admin;
grant select (rev, version) on comments to lumina_app;

-- A comment as all may be told of it. Nothing is left of one that was deleted, or whose author is gone; it is a
-- tombstone where it has ever had a reply.
create view comment_states with (security_invoker = true) as
    select c.comment_id, c.post_id, c.user_id, c.rev, c.version, c.parent_comment_id, c.thread_depth as depth,
           c.created_at as made_at, to_ms(c.created_at) as created_at, to_ms(c.pinned_at) as pinned_at, g.gone as is_deleted,
           c.like_count + d.likes as like_count, c.reply_count + d.replies as reply_count,
           exists (select from comments r
                   where r.post_id = c.post_id and r.parent_comment_id = c.comment_id) as has_replies,
           case when not g.gone then c.content else '' end as content,
           case when not g.gone and c.is_edited then true end as is_edited,
           case when not g.gone then jsonb_build_object('user_id', u.user_id, 'username', u.username) end as author,
           case when not g.gone and c.media_id is not null
                then message_attachments(array[c.media_id]) -> 0 end as attachment
    from comments c
    join users u on u.user_id = c.user_id
    cross join lateral (
        select c.is_deleted or not u.is_active or u.deleted_at is not null
               or coalesce(u.suspended_until > statement_timestamp(), false) as gone) g
    cross join lateral (
        select coalesce(sum(p.delta) filter (where p.counter = 'comments.like_count'), 0)::bigint as likes,
               coalesce(sum(p.delta) filter (where p.counter = 'comments.reply_count'), 0)::bigint as replies
        from counter_deltas p where p.subject_id = c.comment_id) d;
grant select on comment_states to lumina_writer, lumina_admin;

-- Why a user who sees a post cannot comment on it: no row when they can.
create function no_comment(commenter uuid, post uuid) returns setof text
language sql stable parallel safe as $$
    select case when not p.allow_comments then 'closed'
                when exists (select from blocked_between(commenter, p.user_id)) then 'blocked'
                else 'not_accepted' end
    from posts p
    where p.post_id = post
      and (not p.allow_comments
           or (p.user_id <> commenter
               and (exists (select from blocked_between(commenter, p.user_id))
                    or (p.who_may_comment <> 'everyone' and not exists (
                        select from follows f where f.follower_id = p.user_id and f.following_id = commenter
                                                and f.connection_type <> 'blocked'))
                    or (p.who_may_comment = 'friends' and not exists (
                        select from follows f where f.follower_id = commenter and f.following_id = p.user_id
                                                and f.connection_type <> 'blocked')))))
$$;

-- min_code: 0.1.0

-- The number of its newest change by its author: an edit says which one it has seen.
alter table posts add column version integer not null default 1;
select audit_table('posts', 'user_id', secret => '{latitude,longitude}',
                   ignored => '{reactions_inspired,reactions_grateful,reactions_curious,reactions_excited,
                                reactions_thoughtful,reaction_count,comment_count,share_count,view_count,version}');
create or replace view live_posts with (security_invoker = true) as
    select * from posts where not is_deleted and not is_archived;

-- A post, for whom it is for: for its author, also while it is archived, and else for whom `may_see` says. Who is
-- named a co-author and has not declined sees it whatever its visibility; a block or the end of its author's account
-- ends that. Nobody sees a deleted one: its author finds it under `post.trash`.
create function post_for(viewer uuid, post uuid) returns setof posts
language sql stable parallel safe as $$
    select p.* from posts p
    where p.post_id = post and not p.is_deleted
      and (p.user_id = viewer
           or (not p.is_archived
               and (exists (select from may_see(viewer, p.user_id, p.visibility, p.audience_id))
                    or exists (
                        select from post_coauthors c join users u on u.user_id = p.user_id
                        where c.post_id = p.post_id and c.user_id = viewer and c.status <> 'declined'
                          and u.deleted_at is null and u.is_active
                          and (u.suspended_until is null or u.suspended_until <= now())
                          and not exists (select from blocked_between(viewer, p.user_id))))))
$$;

-- Up to which version a caption said so: in their order the pages are read.
alter table post_edits add column version integer not null default 0;

create index posts_archived_of_author on posts (user_id, post_id desc) where is_archived and not is_deleted;
comment on index posts_archived_of_author is 'post_changes.archived: what one author shows to nobody, newest first';
create index posts_deleted_of_author on posts (user_id, post_id desc) where is_deleted;
comment on index posts_deleted_of_author is 'post_changes.deleted: what one author can restore, newest first';

-- What a draft has become, kept for a while without what it said: who sets it later is told.
alter table post_drafts add column post_id uuid, add column published_at timestamptz;
create index post_drafts_published on post_drafts (published_at) where published_at is not null;
comment on index post_drafts_published is 'purge.post_drafts: what was published long enough ago';

-- name: lock
-- First of all for whoever changes a post of their own, also one that is deleted. `removed`: by staff, and that stands.
select p.version, p.caption, p.visibility, p.audience_id, p.allow_comments, p.allow_reactions, p.who_may_comment,
       p.is_archived, p.is_deleted,
       p.media_ids <> '{}' or p.quoted_post_id is not null or p.post_type = 'poll' as has_more,
       p.is_deleted and exists (
           select from reports r where r.reported_type = 'post' and r.reported_id = p.post_id and r.owner_id = p.user_id
             and r.action = 'remove' and r.status <> 'overturned') as removed
from posts p where p.user_id = :user_id and p.post_id = :post_id for no key update of p;

-- name: edit
update posts
set caption = :caption, visibility = :visibility, audience_id = :audience_id, allow_comments = :allow_comments,
    allow_reactions = :allow_reactions, who_may_comment = :who_may_comment, version = version + 1,
    is_edited = is_edited or :reworded::boolean
where user_id = :user_id and post_id = :post_id and not is_deleted returning version;

-- name: own_audience
select audience_id from audiences where user_id = :user_id and audience_id = :audience_id;

-- name: keep_former
insert into post_edits (post_id, edited_at, caption, version) values (:post_id, clock_timestamp(), :caption, :version);

-- name: edits
select e.caption, e.version, to_ms(e.edited_at) as replaced_at from post_edits e
where e.post_id = :post_id and exists (select from post_for(:user_id::uuid, e.post_id))
  and (:before_version::integer is null or e.version < :before_version)
order by e.edited_at desc limit :limit;

-- name: archive
update posts set is_archived = :archived, version = version + 1
where user_id = :user_id and post_id = :post_id and not is_deleted returning version;

-- name: delete
update posts set is_deleted = true, deleted_at = now(), version = version + 1
where user_id = :user_id and post_id = :post_id and not is_deleted returning version;

-- name: restore
update posts set is_deleted = false, deleted_at = null, version = version + 1
where user_id = :user_id and post_id = :post_id and is_deleted returning version;

-- name: archived
select post_id from posts
where user_id = :user_id and is_archived and not is_deleted and (:before_id::uuid is null or post_id < :before_id::uuid)
order by post_id desc limit :limit;

-- name: deleted
select p.post_id, p.post_type, p.caption, to_ms(p.created_at) as created_at, to_ms(p.deleted_at) as deleted_at,
       exists (select from reports r where r.reported_type = 'post' and r.reported_id = p.post_id
                 and r.owner_id = p.user_id and r.action = 'remove' and r.status <> 'overturned') as removed
from posts p
where p.user_id = :user_id and p.is_deleted and (:before_id::uuid is null or p.post_id < :before_id::uuid)
order by p.post_id desc limit :limit;

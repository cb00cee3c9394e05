-- name: lock
-- While it is being published, this waits, and then it has a post_id.
select post_id, to_ms(created_at) as created_at, to_ms(publish_at) as publish_at, body, error from post_drafts
where user_id = :user_id and draft_id = :draft_id for no key update;

-- name: count
select count(*) from post_drafts where user_id = :user_id and post_id is null;

-- name: add
-- No row when the id is somebody else's.
insert into post_drafts (draft_id, user_id, body, publish_at)
values (:draft_id, :user_id, :body, to_timestamp(:publish_ms::bigint / 1000.0))
on conflict do nothing
returning draft_id, body, to_ms(publish_at) as publish_at, error, to_ms(updated_at) as updated_at;

-- name: change
-- Whether it was refused is forgotten.
update post_drafts set body = :body, publish_at = to_timestamp(:publish_ms::bigint / 1000.0), error = null
where user_id = :user_id and draft_id = :draft_id
returning draft_id, body, to_ms(publish_at) as publish_at, error, to_ms(updated_at) as updated_at;

-- name: remove
-- No row when there was none, or it was published.
delete from post_drafts where user_id = :user_id and draft_id = :draft_id and post_id is null returning error;

-- name: page
select draft_id, body, to_ms(publish_at) as publish_at, error, to_ms(updated_at) as updated_at from post_drafts
where user_id = :user_id and post_id is null and (:before_id::uuid is null or draft_id < :before_id::uuid)
order by draft_id desc limit :limit;

-- name: due
-- One, held until the end of the transaction; what another node holds is passed by. `refused`: why nothing of this
-- author is published now. `passed_by`: authors of whom others hold something.
select d.user_id, d.draft_id, d.body,
       case when u.deleted_at is not null then 'account_deleted'
            when not u.is_active then 'deactivated'
            when u.suspended_until > statement_timestamp() then 'suspended' end as refused
from post_drafts d join users u on u.user_id = d.user_id
where d.publish_at <= statement_timestamp() and d.error is null and d.user_id <> all(:passed_by::uuid[])
order by d.publish_at limit 1
for no key update of d skip locked;

-- name: published
update post_drafts set post_id = :post_id, published_at = clock_timestamp(), publish_at = null, body = '{}'
where user_id = :user_id and draft_id = :draft_id;

-- name: refuse
-- What is due and was not refused yet.
update post_drafts set error = :error
where user_id = :user_id and draft_id = :draft_id and error is null and publish_at <= statement_timestamp()
returning draft_id, body, to_ms(publish_at) as publish_at, error, to_ms(updated_at) as updated_at;

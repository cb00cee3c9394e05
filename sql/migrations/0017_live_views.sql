-- min_code: 0.1.0

-- What users may be shown, each with the rules of whoever reads it (security_invoker); of users nothing
-- that is a secret. Statements read these; those that must see what is deleted are listed by name in
-- tests/store/test_soft_delete.py.
create view live_users with (security_invoker = true) as
    select user_id, username, username_key, full_name, bio, avatar_media_id, is_private, is_verified, account_type,
           follower_count, following_count, post_count, created_at
    from users where is_active and deleted_at is null;
create view live_media_objects with (security_invoker = true) as
    select * from media_objects where not is_deleted and status = 'ready';
create view live_posts with (security_invoker = true) as
    select * from posts where not is_deleted and not is_archived;
create view live_comments with (security_invoker = true) as
    select * from comments where not is_deleted;
-- Expired is expired when it is read, whenever the worker comes by.
create view live_stories with (security_invoker = true) as
    select * from stories where not is_deleted and expires_at > now();
create view live_messages with (security_invoker = true) as
    select * from messages where not is_deleted and (expires_at is null or expires_at > now());

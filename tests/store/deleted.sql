-- Of each kind one that is here, and those that users may not be shown.
insert into users (user_id, username, username_key, password_hash, is_active, deleted_at)
select gen_random_uuid(), n, n, '', n <> 'closed', case n when 'gone' then now() end
from unnest(array['here', 'closed', 'gone']) n;
insert into media_objects (media_id, user_id, kind, content_type, bytes, sha256, status, is_deleted, deleted_at)
select gen_random_uuid(), u.user_id, 'image', n, 1, sha256(''),
       case n when 'loading' then 'uploading' else 'ready' end,
       n = 'gone', case n when 'gone' then now() end
from users u, unnest(array['here', 'loading', 'gone']) n where username = 'here';
alter table posts disable trigger refuse_unbelievable_id;
insert into posts (post_id, user_id, post_type, caption, is_archived, is_deleted, deleted_at)
select gen_random_uuid(), user_id, 'text', n, n = 'archived', n = 'gone', case n when 'gone' then now() end
from users u, unnest(array['here', 'archived', 'gone']) n where username = 'here';
insert into comments (comment_id, post_id, user_id, content, is_deleted, deleted_at)
select gen_random_uuid(), post_id, user_id, n, n = 'gone', case n when 'gone' then now() end
from posts, unnest(array['here', 'gone']) n where caption = 'here';
insert into stories (story_id, user_id, media_id, media_type, created_at, expires_at, is_deleted, deleted_at)
select gen_random_uuid(), user_id, media_id, 'image', now() - interval '2 hours',
       now() + case n when 'expired' then interval '0' else interval '1 hour' end,
       n = 'gone', case n when 'gone' then now() end
from media_objects, unnest(array['here', 'expired', 'gone']) n where content_type = 'here';
insert into conversations (conversation_id, conversation_type) values (gen_random_uuid(), 'group');
insert into messages (conversation_id, message_id, seq, rev, sender_id, content, content_digest,
                      is_deleted, deleted_at, is_ephemeral, expires_at)
select conversation_id, gen_random_uuid(), n, n, user_id, case n when 2 then null else n::text end,
       decode(repeat('00', 16), 'hex'), n = 2, case n when 2 then now() end,
       n > 2, case n when 3 then now() when 4 then now() + interval '1 hour' end
from conversations, users, generate_series(1, 4) n where username = 'here';

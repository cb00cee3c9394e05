insert into post_drafts (draft_id, user_id, body, post_id, published_at)
values (pg_temp.id('published draft'), pg_temp.who('alice'), '{}', pg_temp.id('alice public'), now());
insert into post_edits (post_id, edited_at, caption, version)
values (pg_temp.id('alice public'), now() + interval '1 second', 'again', 2);
update posts set version = 3 where post_id = pg_temp.id('alice public');

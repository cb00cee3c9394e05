insert into media_objects (media_id, user_id, kind, status, content_type, bytes, sha256, received, storage_key)
select pg_temp.id(picture), pg_temp.who(name), 'image', 'ready', 'image/png', 10,
       pg_temp.digest32(name), 10, 'pictures/' || name
from (values ('alice', 'alice''s picture'), ('trent', 'trent''s picture')) v (name, picture);
insert into media_objects (media_id, user_id, kind, content_type, bytes, sha256)
values (pg_temp.id('unfinished picture'), pg_temp.who('alice'), 'image', 'image/png', 10, pg_temp.digest32('unfinished'));
insert into media_refs (media_id, subject_type, subject_id)
values (pg_temp.id('alice''s picture'), 'user', pg_temp.who('alice'));
update users set avatar_media_id = pg_temp.id('alice''s picture') where user_id = pg_temp.who('alice');

insert into media_objects (media_id, user_id, kind, status, content_type, bytes, sha256, storage_key, expires_at)
values (pg_temp.id('bob uploads'), pg_temp.who('bob'), 'video', 'uploading', 'video/mp4', 10, pg_temp.digest32('video'),
        'uploads/video', now() + interval '1 day');
insert into media_objects (media_id, user_id, kind, status, content_type, bytes, sha256, storage_key, received)
values (pg_temp.id('bob has uploaded'), pg_temp.who('bob'), 'image', 'uploaded', 'image/png', 10,
        pg_temp.digest32('image'), 'uploads/image', 10);
insert into blob_removals (storage_key, media_id) values ('uploads/gone', pg_temp.id('gone'));

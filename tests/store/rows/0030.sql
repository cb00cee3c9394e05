-- One that can be fetched, and one whose time is over.
insert into account_exports (export_id, user_id, status, storage_key, size_bytes, expires_at)
values (pg_temp.id('ready export'), pg_temp.who('alice'), 'ready', 'exports/ready.zip', 100, now() + interval '7 days'),
       (pg_temp.id('late export'), pg_temp.who('bob'), 'ready', 'exports/late.zip', 100, now());

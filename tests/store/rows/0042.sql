update comments set rev = 1, version = 2 where comment_id = pg_temp.id('comment of bob on alice public');
insert into comment_streams (post_id, last_rev, last_at) values (pg_temp.id('alice public'), 1, now());

update cluster set system_identifier = 1, timeline = 1;
update nodes set code = '0.1.0';
insert into outbox (node_id, conversation_id, from_rev, to_rev, members_version)
values ('node1#0a1b2c3d', pg_temp.id('direct'), 1, 2, 1);
insert into op_keys (user_id, op_id, op, digest, result)
values (pg_temp.who('alice'), pg_temp.id('operation'), 'posts.edit', pg_temp.digest16('operation'), '{}');
insert into user_events (user_id, rev, event_type, body) values (pg_temp.who('alice'), 1, 'settings.changed', '{}');
update user_streams set last_rev = 1 where user_id = pg_temp.who('alice');

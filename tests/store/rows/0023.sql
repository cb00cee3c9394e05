insert into outbox (node_id, user_ids, user_revs)
values ('node1#0a1b2c3d', array[pg_temp.who('alice')], array[1]);

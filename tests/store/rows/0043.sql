insert into notification_preferences (user_id, notification_type, level) values (pg_temp.who('alice'), 'reaction', 'silent');
insert into notification_causes (user_id, group_key, kind) values (pg_temp.who('alice'), 'reactions', 'look');
insert into outbox_readers (reader, epoch, xid, outbox_id) values ('notifications', 1, '1', 0);

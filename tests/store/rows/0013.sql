insert into notification_groups (user_id, group_key, notification_type, actor_count)
values (pg_temp.who('alice'), 'reactions', 'reaction', 1);
insert into notifications (user_id, notification_id, notification_type, group_key, title, actor_id, post_id)
values (pg_temp.who('alice'), pg_temp.id('notification'), 'reaction', 'reactions', 'bob is grateful',
        pg_temp.who('bob'), pg_temp.id('alice public'));
insert into reports (report_id, reporter_id, reported_type, reported_id, reason)
values (pg_temp.id('report'), pg_temp.who('alice'), 'user', pg_temp.who('mallory'), 'spam');

update user_settings set invisible = true where user_id = (select user_id from users where username = 'bob');
update user_settings set last_seen_at = now() where user_id = (select user_id from users where username = 'alice');

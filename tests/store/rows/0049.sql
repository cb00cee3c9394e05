update user_settings set show_metrics = false where user_id = (select user_id from users where username = 'bob');

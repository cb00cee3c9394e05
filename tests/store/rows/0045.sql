update poll_votes set leads = true where post_id = pg_temp.id('alice poll') and user_id = pg_temp.who('bob');

insert into conversation_bans (conversation_id, user_id, banned_by)
values (pg_temp.id('club'), pg_temp.who('mallory'), pg_temp.who('alice'));

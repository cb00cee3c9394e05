update conversations set slow_mode_s = 30, who_may_send = 'admins' where conversation_id = pg_temp.id('club');
update receipts set last_sent_at = now() where conversation_id = pg_temp.id('club') and user_id = pg_temp.who('alice');

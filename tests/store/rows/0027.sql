update users
set suspended_at = now(), suspended_until = now() - interval '1 hour', suspended_reason = 'spam'
where user_id = pg_temp.who('mallory');
update reports
set status = 'overturned', reviewed_by = pg_temp.who('carol'), reviewed_at = now(), resolution = 'spam',
    owner_id = pg_temp.who('mallory'), conversation_id = pg_temp.id('direct'), evidence = 'buy this', action = 'suspend',
    decided_in = report_id, suspended_until = now() + interval '1 day', appeal = 'it was a joke', appealed_at = now(),
    appeal_reviewed_by = pg_temp.who('trent'), appeal_reviewed_at = now(), appeal_resolution = 'it was';

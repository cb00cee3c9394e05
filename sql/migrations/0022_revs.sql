-- min_code: 0.1.0

-- A rev is of one message; and what happened after a rev is found by it.
alter table messages add unique (conversation_id, rev);

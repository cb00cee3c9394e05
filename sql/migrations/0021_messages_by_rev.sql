-- min_code: 0.1.0

-- What a sync reads (sql/messages.sql), beside message_changes, which has the same key: the messages that have not
-- changed since they were sent, from a rev on.
alter table messages add unique (conversation_id, rev);

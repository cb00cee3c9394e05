-- min_code: 0.1.0

-- Who leaves a conversation, or is sent away, keeps no draft there, whichever statement does it. Its row is locked by
-- whoever sets one (drafts.lock), so none comes later.
create function forget_drafts() returns trigger language plpgsql as $$
begin
    delete from conversation_drafts d using old_rows o
    where d.user_id = o.user_id and d.conversation_id = o.conversation_id;
    return null;
end $$;
create trigger forget_drafts after delete on conversation_participants
    referencing old table as old_rows for each statement execute function forget_drafts();

create index scheduled_messages_sent on scheduled_messages (sent_at) where sent_at is not null;
comment on index scheduled_messages_sent is 'purge.scheduled_messages: what was sent long enough ago';

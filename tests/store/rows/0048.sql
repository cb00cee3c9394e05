insert into media_refs (media_id, subject_type, subject_id, conversation_id)
select pg_temp.id('alice''s picture'), 'message', message_id, conversation_id
from messages where sender_id = pg_temp.who('alice') order by conversation_id, seq limit 1;

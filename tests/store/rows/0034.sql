-- alice has read what the others know of, and marked it; it is in her archive since its newest message.
update receipts set told_delivered_seq = delivered_seq, told_read_seq = read_seq, marked_unread_at = now();
update conversation_participants p set archived_seq = c.last_seq
from conversations c where c.conversation_id = p.conversation_id;

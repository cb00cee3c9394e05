-- See migrations/0036_search.sql and 0053_search_windows.sql.

-- name: read
-- What a query means, as text; null when there is nothing to look for.
select wanted::text as wanted, terms from search_query(:asked, :stemmer);

-- name: find
-- Newest first. A row with `looked_ms` is the last and no message: older ones were not looked at.
select s.*, f.looked_ms
from search_messages(:user_id, :wanted::text::tsquery, :conversation_id, :from_user_id, :before_ms, :after_ms, :has_media,
                     :at_ms, :at_id, :at_seq, :limit) f
left join lateral (
    select * from message_states s where s.conversation_id = f.conversation_id and s.seq = f.seq offset 0
) s on true
where f.looked_ms is not null or not s.is_deleted
order by f.looked_ms nulls first, s.created_at desc, s.conversation_id desc, s.seq desc;

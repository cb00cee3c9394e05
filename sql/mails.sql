-- name: enqueue
insert into mails (mail_id, user_id, purpose, recipient, body)
values (:mail_id, :user_id, :purpose, :recipient, :mail_body);

-- name: recent
select count(*) as mails from mails
where user_id = :user_id and purpose = :purpose and created_at > now() - interval '1 hour';

-- name: take
-- Those that are due, for as long as the lease lasts: of a node that dies meanwhile another one takes them up after it.
update mails m set tries = m.tries + 1, next_try_at = now() + :lease_s * interval '1 second'
from (select mail_id from mails where sent_at is null and failed_at is null and next_try_at <= now()
      order by next_try_at limit :batch for update skip locked) due
where m.mail_id = due.mail_id
returning m.mail_id, m.user_id, m.purpose, m.recipient, m.body, m.tries, m.created_at,
          m.created_at < now() - interval '1 day' as is_last_try;

-- name: sent
update mails set sent_at = now(), recipient = null, body = null, error = null
where user_id = :user_id and mail_id = :mail_id and sent_at is null and failed_at is null;

-- name: retry
-- Unless somebody else has taken it up since.
update mails set next_try_at = now() + :delay_s * interval '1 second', error = :error
where user_id = :user_id and mail_id = :mail_id and tries = :tries and sent_at is null and failed_at is null;

-- name: fail
update mails set failed_at = now(), recipient = null, body = null, error = :error
where user_id = :user_id and mail_id = :mail_id and tries = :tries and sent_at is null and failed_at is null;

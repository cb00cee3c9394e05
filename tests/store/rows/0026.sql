insert into mails (mail_id, user_id, purpose, recipient, body)
values (pg_temp.id('mail'), pg_temp.who('alice'), 'reset_password', 'sealed', 'sealed');
insert into mails (mail_id, user_id, purpose, sent_at)
values (pg_temp.id('sent mail'), pg_temp.who('alice'), 'verify_email', now());

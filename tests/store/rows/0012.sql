update conversations set description = 'of friends', picture_media_id = pg_temp.id('alice''s picture')
where conversation_id = pg_temp.id('club');
update conversation_participants set role = 'owner', muted_until = 'infinity', pinned_at = now()
where conversation_id = pg_temp.id('club') and user_id = pg_temp.who('alice');

-- Which bob has left after its first two messages.
insert into conversations (conversation_id, conversation_type, title) values (pg_temp.id('past'), 'group', 'past');
insert into conversation_participants (conversation_id, user_id, role)
select pg_temp.id('past'), pg_temp.who(name), role
from (values ('alice', 'owner'), ('bob', 'member'), ('carol', 'member')) v (name, role);
insert into messages (conversation_id, message_id, seq, rev, sender_id, content, content_digest)
select pg_temp.id('past'), pg_temp.id('past ' || seq), seq, seq, pg_temp.who('alice'), 'with bob', pg_temp.digest16('with bob')
from generate_series(1, 2) seq;
update conversations set last_seq = 2, last_rev = 2 where conversation_id = pg_temp.id('past');
delete from conversation_participants
where conversation_id = pg_temp.id('past') and user_id = pg_temp.who('bob');
insert into messages (conversation_id, message_id, seq, rev, sender_id, content, content_digest)
values (pg_temp.id('past'), pg_temp.id('past 3'), 3, 3, pg_temp.who('alice'), 'without bob', pg_temp.digest16('without bob'));
update conversations set last_seq = 3, last_rev = 3 where conversation_id = pg_temp.id('past');

insert into messages (conversation_id, message_id, seq, rev, sender_id, content, content_digest, is_ephemeral,
                      created_at, expires_at)
values (pg_temp.id('direct'), pg_temp.id('direct 3'), 3, 3, pg_temp.who('alice'), 'gone by now',
        pg_temp.digest16('gone by now'), true, now() - interval '2 hours', now() - interval '1 hour');
insert into messages (conversation_id, message_id, seq, rev, sender_id, content_digest, is_deleted, deleted_at)
values (pg_temp.id('direct'), pg_temp.id('direct 4'), 4, 4, pg_temp.who('alice'), pg_temp.digest16('deleted'), true, now());
update conversations set last_seq = 4, last_rev = 6 where conversation_id = pg_temp.id('direct');
update receipts set delivered_seq = 2, read_seq = 1, delivered_at = now(), last_read_at = now()
where conversation_id = pg_temp.id('club') and user_id = pg_temp.who('alice');

-- In each of the three: something of the first message and, where bob must not see it, of the third.
insert into message_changes (conversation_id, seq, rev)
values (pg_temp.id('direct'), 4, 5), (pg_temp.id('direct'), 2, 6), (pg_temp.id('past'), 1, 2), (pg_temp.id('past'), 3, 3);
insert into message_reactions (conversation_id, seq, user_id, reaction_type)
values (pg_temp.id('direct'), 2, pg_temp.who('alice'), 'grateful'), (pg_temp.id('past'), 1, pg_temp.who('carol'), 'curious'),
       (pg_temp.id('past'), 3, pg_temp.who('carol'), 'curious');
insert into message_edits (conversation_id, seq, rev, content)
values (pg_temp.id('direct'), 2, 6, 'helo'), (pg_temp.id('past'), 3, 3, 'before');
insert into message_pins (conversation_id, seq, user_id)
values (pg_temp.id('direct'), 1, pg_temp.who('alice')), (pg_temp.id('past'), 3, pg_temp.who('alice'));
insert into message_hides (conversation_id, seq, user_id) values (pg_temp.id('direct'), 2, pg_temp.who('alice'));
insert into message_mentions (conversation_id, seq, user_id)
values (pg_temp.id('direct'), 1, pg_temp.who('bob')), (pg_temp.id('past'), 3, pg_temp.who('carol'));
insert into conversation_invites (invite_id, conversation_id, created_by, code_digest)
values (pg_temp.id('invite'), pg_temp.id('club'), pg_temp.who('alice'), pg_temp.digest32('invite'));
insert into conversation_drafts (conversation_id, user_id, content)
values (pg_temp.id('direct'), pg_temp.who('alice'), 'dear b');
insert into scheduled_messages (message_id, conversation_id, user_id, body, send_at)
values (pg_temp.id('direct later'), pg_temp.id('direct'), pg_temp.who('alice'), '{}', now() + interval '1 day');

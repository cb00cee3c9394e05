insert into conversations (conversation_id, direct_low, direct_high)
values (pg_temp.id('direct'), least(pg_temp.who('alice'), pg_temp.who('bob')),
        greatest(pg_temp.who('alice'), pg_temp.who('bob')));
insert into conversations (conversation_id, conversation_type, title)
values (pg_temp.id('club'), 'group', 'club');

insert into conversation_participants (conversation_id, user_id)
select pg_temp.id(conversation), pg_temp.who(name)
from (values ('direct', 'alice'), ('direct', 'bob'), ('club', 'alice'), ('club', 'bob'), ('club', 'carol'))
     v (conversation, name);

insert into messages (conversation_id, message_id, seq, rev, sender_id, content, content_digest)
select pg_temp.id(conversation), pg_temp.id(conversation || ' ' || seq), seq, seq, pg_temp.who(name), content,
       pg_temp.digest16(content)
from (values ('direct', 1, 'alice', 'hello bob'), ('direct', 2, 'bob', 'hello alice'),
             ('club', 1, 'alice', 'welcome'), ('club', 2, 'bob', 'thanks'), ('club', 3, 'carol', 'me too'))
     v (conversation, seq, name, content);
update conversations set last_seq = 2, last_rev = 2 where conversation_id = pg_temp.id('direct');
update conversations set last_seq = 3, last_rev = 3 where conversation_id = pg_temp.id('club');

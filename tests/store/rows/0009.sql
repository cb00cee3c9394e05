insert into reactions (post_id, user_id, reaction_type)
select pg_temp.id(post), pg_temp.who(name), kind
from (values ('alice public', 'bob', 'grateful'), ('alice private', 'alice', 'curious'),
             ('bob public', 'alice', 'inspired'), ('bob public', 'trent', 'inspired')) v (post, name, kind);
insert into comments (comment_id, post_id, user_id, content)
select pg_temp.id('comment of ' || name || ' on ' || post), pg_temp.id(post), pg_temp.who(name), 'fine'
from (values ('alice public', 'bob'), ('alice private', 'alice'), ('bob public', 'alice'), ('bob public', 'trent'))
     v (post, name);
insert into comments (comment_id, post_id, user_id, content, parent_comment_id, thread_depth)
values (pg_temp.id('reply of alice'), pg_temp.id('alice public'), pg_temp.who('alice'), 'thanks',
        pg_temp.id('comment of bob on alice public'), 1);
insert into comments (comment_id, post_id, user_id, content, is_deleted, deleted_at)
values (pg_temp.id('comment that is deleted'), pg_temp.id('alice public'), pg_temp.who('alice'), 'oops', true, now());
insert into comment_likes (comment_id, user_id)
values (pg_temp.id('comment of bob on alice public'), pg_temp.who('alice')),
       (pg_temp.id('comment of alice on bob public'), pg_temp.who('bob'));

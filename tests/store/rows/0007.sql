insert into follows (follower_id, following_id, connection_type)
select pg_temp.who(follower), pg_temp.who(followed), kind
from (values ('alice', 'bob', 'close_friend'), ('bob', 'alice', 'follow'), ('carol', 'alice', 'follow'),
             ('trent', 'alice', 'blocked')) v (follower, followed, kind);
insert into follow_requests (follower_id, following_id) values (pg_temp.who('alice'), pg_temp.who('carol'));
insert into mutes (user_id, muted_id) values (pg_temp.who('alice'), pg_temp.who('carol'));
insert into audiences (audience_id, user_id, name)
values (pg_temp.id('audience'), pg_temp.who('alice'), 'audience'),
       (pg_temp.id('audience of none'), pg_temp.who('alice'), 'audience of none');
insert into audience_members (audience_id, user_id) values (pg_temp.id('audience'), pg_temp.who('bob'));

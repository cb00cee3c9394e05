-- The counters write down what is to be counted.
insert into comment_likes (comment_id, user_id)
values (pg_temp.id('comment of bob on alice public'), pg_temp.who('carol'));

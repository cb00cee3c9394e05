insert into post_announcements (post_id, told_upto) values (pg_temp.id('alice public'), pg_temp.who('bob'));

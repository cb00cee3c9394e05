insert into topics (topic_id, topic_name, display_name) values (pg_temp.id('topic'), 'tea', 'Tea');
insert into post_topics (post_id, topic_id) values (pg_temp.id('alice private'), pg_temp.id('topic'));
insert into topic_follows (user_id, topic_id) values (pg_temp.who('alice'), pg_temp.id('topic'));
insert into bookmark_collections (collection_id, user_id, name)
values (pg_temp.id('collection'), pg_temp.who('alice'), 'later');
insert into bookmarks (user_id, post_id, collection_id)
values (pg_temp.who('alice'), pg_temp.id('bob public'), pg_temp.id('collection'));

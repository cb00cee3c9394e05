insert into stories (story_id, user_id, media_id, media_type, visibility, is_deleted, deleted_at)
select pg_temp.id(story), pg_temp.who(split_part(story, ' ', 1)),
       pg_temp.id(split_part(story, ' ', 1) || '''s picture'), 'image', visibility,
       story like '% deleted', case when story like '% deleted' then now() end
from (values ('alice story public', 'public'), ('alice story followers', 'followers'),
             ('alice story close_friends', 'close_friends'), ('alice story deleted', 'public'),
             ('trent story public', 'public')) v (story, visibility);
insert into stories (story_id, user_id, media_id, media_type, visibility, created_at, expires_at)
values (pg_temp.id('alice story expired'), pg_temp.who('alice'), pg_temp.id('alice''s picture'), 'image', 'public',
        now() - interval '2 days', now() - interval '1 day');
insert into story_views (story_id, user_id) values (pg_temp.id('alice story public'), pg_temp.who('bob'));
insert into story_reactions (story_id, user_id, reaction_type)
values (pg_temp.id('alice story public'), pg_temp.who('bob'), 'excited');
insert into story_answers (story_id, sticker_no, user_id, answer)
values (pg_temp.id('alice story public'), 0, pg_temp.who('bob'), '{}');
insert into story_highlights (highlight_id, user_id, title) values (pg_temp.id('highlight'), pg_temp.who('alice'), 'old');
insert into story_highlight_items (highlight_id, story_id)
values (pg_temp.id('highlight'), pg_temp.id('alice story expired'));

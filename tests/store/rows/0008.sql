insert into posts (post_id, user_id, caption, post_type, visibility, audience_id, is_archived, is_deleted, deleted_at)
select pg_temp.id(caption), pg_temp.who(split_part(caption, ' ', 1)), caption, 'text', visibility,
       case visibility when 'custom' then pg_temp.id('audience') end,
       caption like '% archived', caption like '% deleted', case when caption like '% deleted' then now() end
from (values ('alice public', 'public'), ('alice friends', 'friends'), ('alice private', 'private'),
             ('alice custom', 'custom'), ('alice archived', 'public'), ('alice deleted', 'public'),
             ('alice poll', 'public'), ('bob public', 'public'), ('trent public', 'public'),
             ('mallory public', 'public')) v (caption, visibility);
insert into post_drafts (draft_id, user_id, body) values (pg_temp.id('post draft'), pg_temp.who('alice'), '{}');
insert into post_edits (post_id, caption) values (pg_temp.id('alice public'), 'before');
insert into post_coauthors (post_id, user_id) values (pg_temp.id('alice friends'), pg_temp.who('carol'));
insert into post_mentions (post_id, user_id) values (pg_temp.id('alice custom'), pg_temp.who('bob'));
insert into post_shares (share_id, post_id, user_id, via)
values (pg_temp.id('share'), pg_temp.id('alice private'), pg_temp.who('alice'), 'link');
insert into polls (post_id, question) values (pg_temp.id('alice poll'), 'tea?');
insert into poll_options (post_id, option_no, label)
values (pg_temp.id('alice poll'), 0, 'yes'), (pg_temp.id('alice poll'), 1, 'no');
insert into poll_votes (post_id, user_id, option_no)
values (pg_temp.id('alice poll'), pg_temp.who('alice'), 1), (pg_temp.id('alice poll'), pg_temp.who('bob'), 0);
insert into post_views (post_id, user_id) values (pg_temp.id('alice public'), pg_temp.who('bob'));
insert into post_analytics (post_id, date)
values (pg_temp.id('alice public'), (now() at time zone 'UTC')::date);

-- min_code: 0.1.0

-- By the clock of the statement: a story is gone the moment it expires, also within a transaction that began before.
create or replace view live_stories with (security_invoker = true) as
    select * from stories where not is_deleted and expires_at > statement_timestamp();

-- A story, for whom it is for: until it expires, and afterwards as long as its author keeps it in a highlight. Every
-- statement that shows one reads it here.
create function story_for(viewer uuid, story uuid) returns setof stories
language sql stable parallel safe as $$
    select s.* from stories s
    where s.story_id = story and not s.is_deleted
      and (s.expires_at > statement_timestamp()
           or exists (select from story_highlight_items i where i.story_id = s.story_id))
      and exists (select from may_see(viewer, s.user_id, s.visibility))
$$;

comment on index story_views_of_story is 'story_answers.viewers: who saw a story, newest first';
comment on index story_highlights_of_user is 'story_highlights.shown: those of one author';

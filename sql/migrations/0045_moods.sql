-- min_code: 0.1.0

create index reactions_of_mood on reactions (post_id, reaction_type, created_at desc, user_id);
comment on index reactions_of_mood is 'reactions.page_of_mood: who reacted to a post with one mood, newest first';

-- The first option of a ballot: so there is one for a user and poll, also when two devices vote at once.
alter table poll_votes add column leads boolean not null default false;
create unique index poll_votes_once on poll_votes (post_id, user_id) where leads;
comment on index poll_votes_once is 'polls.vote: one ballot for a user and poll';

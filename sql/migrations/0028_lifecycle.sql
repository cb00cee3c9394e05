-- min_code: 0.1.0

-- Hidden by its owner, whose login ends that; an account that is not active and has no such time was switched off.
alter table users add column deactivated_at timestamptz;
select audit_table('users', 'user_id', also => '{username,full_name}',
                   ignored => '{follower_count,following_count,post_count}');

create index sessions_ended_of_user on sessions (user_id) where revoked_at is not null;
comment on index sessions_ended_of_user is 'erasure.belongings: the ended logins of one user';
create index scheduled_messages_sent_of_user on scheduled_messages (user_id) where sent_at is not null;
comment on index scheduled_messages_sent_of_user is 'erasure.belongings: what one user had planned and sent';

-- min_code: 0.1.0

-- Hidden by its owner, whose login ends that; an account that is not active and has no such time was switched off.
alter table users add column deactivated_at timestamptz;
select audit_table('users', 'user_id', also => '{username,full_name}',
                   ignored => '{follower_count,following_count,post_count}');

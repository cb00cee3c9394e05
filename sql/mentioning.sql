-- name: page
-- Posts that name a user, and are for them, the newest first. Without those of muted users.
select m.post_id from post_mentions m
where m.user_id = :user_id and (:before_id::uuid is null or m.post_id < :before_id::uuid)
  and exists (
      select from post_for(:user_id::uuid, m.post_id) p
      where not p.is_archived and not exists (
          select from mutes x where x.user_id = :user_id and x.muted_id = p.user_id and x.scope in ('posts', 'all')
                                and (x.until is null or x.until > now())))
order by m.post_id desc limit :limit;

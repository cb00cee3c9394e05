-- The rules themselves are functions, see migrations/0029_access.sql.

-- name: visible
-- A row when the one may see what the other shows so.
select from may_see(:user_id::uuid, :other_id::uuid, :shown_to::text, :audience_id::uuid);

-- name: closed_to
-- Why a member cannot say anything in a direct conversation; no row when they can.
select why from closed_to(:conversation_id::uuid, :user_id::uuid) why;

-- name: not_accepting
-- A row when the other does not take messages of the user, to whom they have never written.
select from not_accepting(:other_id::uuid, :user_id::uuid);

-- name: post
-- A row when the user may see the post.
select p.post_id from post_for(:user_id::uuid, :post_id::uuid) p;

-- name: lock
-- First of all for whoever changes them; what they are, only the next statement sees.
select user_id from user_settings where user_id = :user_id for no key update;

-- name: get
select u.is_private, s.profile_visibility, s.show_activity_status, s.allow_messages_from, s.email_notifications,
       s.push_notifications, s.notification_frequency, s.autoplay_videos, s.data_saver_mode, s.dark_mode, s.calm_mode,
       s.time_limit_minutes, s.hide_metrics, s.show_metrics, s.invisible
from user_settings s join users u using (user_id)
where s.user_id = :user_id;

-- name: change
-- What is null stays as it is.
with account as (
    update users set is_private = :is_private::boolean
    where user_id = :user_id and is_private <> :is_private::boolean
)
update user_settings
set profile_visibility = coalesce(:profile_visibility::text, profile_visibility),
    show_activity_status = coalesce(:show_activity_status::boolean, show_activity_status),
    allow_messages_from = coalesce(:allow_messages_from::text, allow_messages_from),
    email_notifications = coalesce(:email_notifications::boolean, email_notifications),
    push_notifications = coalesce(:push_notifications::boolean, push_notifications),
    notification_frequency = coalesce(:notification_frequency::text, notification_frequency),
    autoplay_videos = coalesce(:autoplay_videos::boolean, autoplay_videos),
    data_saver_mode = coalesce(:data_saver_mode::boolean, data_saver_mode),
    dark_mode = coalesce(:dark_mode::text, dark_mode),
    calm_mode = coalesce(:calm_mode::boolean, calm_mode),
    time_limit_minutes = coalesce(:time_limit_minutes::integer, time_limit_minutes),
    hide_metrics = coalesce(:hide_metrics::boolean, hide_metrics),
    show_metrics = coalesce(:show_metrics::boolean, show_metrics)
where user_id = :user_id;

-- name: calm
-- Those of them who have calm mode on.
select user_id from user_settings where user_id = any(:user_ids::uuid[]) and calm_mode;

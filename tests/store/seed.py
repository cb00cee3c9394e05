"""Facts of the schema that was asked for: its columns, its indexes, the sections of its text."""

from __future__ import annotations

COLUMNS = {
    "users": """
        user_id username email password_hash full_name bio avatar_url is_private
        calm_mode_enabled show_metrics is_verified is_active account_type created_at
        updated_at last_login_at email_verified_at
        """,
    "posts": """
        post_id user_id caption post_type media_urls thumbnail_url aspect_ratio
        duration_seconds visibility allow_comments allow_reactions location_name latitude
        longitude reaction_count comment_count share_count view_count is_archived is_deleted
        created_at updated_at published_at
        """,
    "reactions": "reaction_id post_id user_id reaction_type created_at",
    "comments": """
        comment_id post_id user_id content parent_comment_id thread_depth media_url
        media_type like_count reply_count is_edited is_deleted created_at updated_at
        """,
    "follows": """
        follow_id follower_id following_id connection_type notify_on_post created_at
        """,
    "conversations": "conversation_id conversation_type title created_at updated_at",
    "conversation_participants": """
        participant_id conversation_id user_id is_admin muted last_read_at joined_at
        """,
    "messages": """
        message_id conversation_id sender_id content message_type media_url
        media_thumbnail_url is_ephemeral expires_at reply_to_message_id is_deleted is_edited
        created_at updated_at
        """,
    "stories": """
        story_id user_id media_url media_type thumbnail_url stickers view_count
        reaction_count created_at expires_at
        """,
    "topics": """
        topic_id topic_name display_name description color_hex icon_url post_count
        follower_count is_trending is_featured created_at
        """,
    "post_topics": "post_topic_id post_id topic_id created_at",
    "notifications": """
        notification_id user_id notification_type title message actor_id post_id comment_id
        action_url is_read read_at created_at
        """,
    "user_settings": """
        setting_id user_id profile_visibility show_activity_status allow_messages_from
        email_notifications push_notifications notification_frequency autoplay_videos
        data_saver_mode dark_mode calm_mode time_limit_minutes hide_metrics updated_at
        """,
    "post_analytics": """
        analytics_id post_id date views unique_views reactions_inspired reactions_grateful
        reactions_curious reactions_excited reactions_thoughtful comments shares saves
        avg_watch_time_seconds completion_rate created_at
        """,
    "bookmarks": "bookmark_id user_id post_id collection_name created_at",
    "reports": """
        report_id reporter_id reported_type reported_id reason description status
        reviewed_by reviewed_at created_at
        """,
}

INDEXES = """
    idx_users_username idx_users_email idx_users_created_at idx_posts_user_id
    idx_posts_created_at idx_posts_published_at idx_posts_visibility idx_posts_type
    idx_reactions_post_id idx_reactions_user_id idx_reactions_type idx_reactions_created_at
    idx_comments_post_id idx_comments_user_id idx_comments_parent_id idx_comments_created_at
    idx_follows_follower_id idx_follows_following_id idx_follows_type
    idx_messages_conversation_id idx_messages_sender_id idx_messages_created_at
    idx_stories_user_id idx_stories_expires_at idx_topics_name idx_post_topics_post_id
    idx_post_topics_topic_id idx_notifications_user_id idx_notifications_is_read
    idx_notifications_created_at idx_analytics_post_id idx_analytics_date idx_bookmarks_user_id
    idx_bookmarks_post_id idx_bookmarks_collection idx_reports_status idx_reports_created_at
"""

SECTIONS = (
    "Technology stack: PostgreSQL",
    "Technology stack: Elasticsearch",
    "Technology stack: ClickHouse",
    "Partitioning of posts",
    "Partitioning of messages",
    "Materialized view",
    "Redis key structure",
    "Relationships",
    "Soft deletes",
    "Denormalisation",
    "UUID primary keys",
    "Timestamp tracking",
    "Indexes",
    "Read replicas",
    "Sharding",
    "CDN",
    "Password security",
    "SQL injection",
    "Rate limiting",
    "Encryption at rest",
    "Row-level security",
    "Audit logging",
    "Daily backups",
    "Staging",
)

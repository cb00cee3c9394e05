-- alice owns one of everything; bob is her friend, carol only follows her, trent has blocked her, and
-- mallory is nobody to anybody.
insert into users (user_id, username, username_key, password_hash, full_name)
select pg_temp.who(name), name, name, '$2b$12$' || md5(name), initcap(name)
from unnest(array['alice', 'bob', 'carol', 'trent', 'mallory']) name;

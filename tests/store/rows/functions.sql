-- What the rows are written with: run first, in the session that inserts them.

-- People have the same ids in every database.
create or replace function pg_temp.who(name text) returns uuid language sql immutable as
    $$ select ('01900000-0000-7000-8000-' || left(md5(name), 12))::uuid $$;

-- The id of a thing by its name: a UUIDv7 of the moment this database was made, the same in its clones.
create or replace function pg_temp.id(name text) returns uuid language sql stable as
    $$ select (lpad(to_hex((extract(epoch from created_at) * 1000)::bigint), 12, '0')
               || '7' || left(md5(name), 3) || '8' || substr(md5(name), 4, 15))::uuid from public.cluster $$;

-- 16 and 32 bytes that stand for a digest.
create or replace function pg_temp.digest16(name text) returns bytea language sql immutable as
    $$ select decode(md5(name), 'hex') $$;
create or replace function pg_temp.digest32(name text) returns bytea language sql immutable as
    $$ select sha256(name::bytea) $$;

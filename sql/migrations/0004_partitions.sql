-- min_code: 0.1.0

-- The smallest UUIDv7 of a moment (RFC 9562, section 5.7): where a month of ids begins.
create function uuid7_floor(t timestamptz) returns uuid
    language sql immutable strict parallel safe
    return (lpad(to_hex(floor(extract(epoch from t) * 1000)::bigint), 12, '0')
            || '00000000000000000000')::uuid;

-- When a UUIDv7 says that it was made.
create function uuid7_time(id uuid) returns timestamptz
    language sql immutable strict parallel safe
    return to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0);

-- Whether an id of now can say so: version 7, and made in the last week or by a clock a little ahead.
-- Older ids would fall into months that are closed, newer ones into months that do not exist.
create function uuid7_believable(id uuid) returns boolean
    language sql stable strict parallel safe
    return substr(id::text, 15, 1) = '7' and substr(id::text, 20, 1) between '8' and 'b'
           and uuid7_time(id) between now() - interval '7 days' and now() + interval '5 minutes';

create function refuse_unbelievable_id() returns trigger language plpgsql as $$
begin
    if not uuid7_believable((to_jsonb(new) ->> tg_argv[0])::uuid) then
        raise exception 'the time in % is not believable', tg_argv[0]
            using errcode = 'LR001', column = tg_argv[0], table = tg_table_name,
                  hint = 'make a new id now, on a device whose clock is right';
    end if;
    return new;
end $$;

-- Tables cut by time: how, and how long a part is kept (null: for ever). Operators change `keep`.
create table partition_rules (
    parent      text primary key,
    -- What the key is made of: the time within an id, a moment, or a day. Always in UTC.
    keyed_by    varchar(20) not null check (keyed_by in ('uuid7', 'timestamptz', 'date')),
    step        varchar(20) not null check (step in ('hour', 'day', 'week', 'month')),
    ahead       smallint not null default 2 check (ahead between 1 and 100),
    keep        interval check (keep > interval '0')
);

-- A bound as its key is written.
create function partition_bound(keyed_by text, t timestamptz) returns text
    language sql stable
    return case keyed_by when 'uuid7' then uuid7_floor(t)::text
                         when 'date' then to_char(t at time zone 'UTC', 'YYYY-MM-DD')
                         else to_char(t at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS+00') end;

-- A part is made beside the table and attached: that lets readers and writers go on, unlike
-- `create table ... partition of`. Its name begins with its table's, and says when it begins.
create function make_partition(rule partition_rules, first timestamptz) returns text
    language plpgsql as $$
declare
    past timestamptz := (first at time zone 'UTC' + ('1 ' || rule.step)::interval) at time zone 'UTC';
    part text := rule.parent || to_char(first at time zone 'UTC', case rule.step
        when 'hour' then '_YYYY_MM_DD_HH24' when 'month' then '_YYYY_MM' else '_YYYY_MM_DD' end);
    occupied boolean;
begin
    if to_regclass(part) is not null then
        return null;
    end if;
    -- Rows that cannot come home keep their part from being attached.
    if to_regclass(rule.parent || '_default') is not null and exists (
        select from pg_constraint where confrelid = rule.parent::regclass
    ) then
        execute format('select exists (select from %I where %I >= %L and %I < %L)', rule.parent || '_default',
                       partition_key(rule.parent), partition_bound(rule.keyed_by, first),
                       partition_key(rule.parent), partition_bound(rule.keyed_by, past)) into occupied;
        if occupied then
            return null;
        end if;
    end if;
    execute format('create table %I (like %I including defaults including constraints including generated including storage)',
                   part, rule.parent);
    -- What strayed into the default part comes home, unless foreign keys would take it for deleted.
    if to_regclass(rule.parent || '_default') is not null and not exists (
        select from pg_constraint where confrelid = rule.parent::regclass
    ) then
        execute format('with strayed as (delete from %I where %I >= %L and %I < %L returning *)
                        insert into %I select * from strayed',
                       rule.parent || '_default',
                       partition_key(rule.parent), partition_bound(rule.keyed_by, first),
                       partition_key(rule.parent), partition_bound(rule.keyed_by, past), part);
    end if;
    execute format('alter table %I attach partition %I for values from (%L) to (%L)', rule.parent, part,
                   partition_bound(rule.keyed_by, first), partition_bound(rule.keyed_by, past));
    return part;
end $$;

create function partition_key(parent text) returns text
    language sql stable
    return (select a.attname from pg_partitioned_table p
            join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
            where p.partrelid = parent::regclass);

-- The parts from one step ago to `ahead` steps from `t`, and those of rows in the default part;
-- returns those it made. One maker at a time: others return nothing, and come again. A table whose lock
-- is not had soon is left for the next time: who waits for it holds up those who come after.
create function make_partitions(t timestamptz default now()) returns setof text
    language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '200ms'
    set timezone = 'UTC' set datestyle = 'ISO' as $$
declare
    rule partition_rules;
    step interval;
    made text;
    start timestamptz;
begin
    if not pg_try_advisory_xact_lock(hashtext('lumina.partitions')) then
        return;
    end if;
    for rule in select * from partition_rules order by parent loop
        step := ('1 ' || rule.step)::interval;
        for start in
            select (date_trunc(rule.step, t at time zone 'UTC') + n * step) at time zone 'UTC'
            from generate_series(-1, rule.ahead) n
            union
            select date_trunc(rule.step, strayed at time zone 'UTC') at time zone 'UTC'
            from partition_strays(rule) strayed
            order by 1
        loop
            begin
                made := make_partition(rule, start);
            exception when lock_not_available then
                exit;
            end;
            if made is not null then
                return next made;
            end if;
        end loop;
    end loop;
end $$;

-- The moments of rows in a default part, at most 1,000, of a table that nothing refers to.
create function partition_strays(rule partition_rules) returns setof timestamptz
    language plpgsql stable as $$
begin
    if to_regclass(rule.parent || '_default') is null
       or exists (select from pg_constraint where confrelid = rule.parent::regclass) then
        return;
    end if;
    return query execute format(
        case rule.keyed_by when 'uuid7' then 'select uuid7_time(%I) from %I limit 1000'
                           else 'select %I::timestamptz from %I limit 1000' end,
        partition_key(rule.parent), rule.parent || '_default');
end $$;

-- How many rows (counted to 1,000) are in default parts, where none should be.
create function partition_default_rows() returns table (parent text, strays bigint)
    language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
    rule partition_rules;
begin
    for rule in select * from partition_rules r order by r.parent loop
        if to_regclass(rule.parent || '_default') is not null then
            parent := rule.parent;
            execute format('select count(*) from (select from %I limit 1000) s', rule.parent || '_default')
                into strays;
            return next;
        end if;
    end loop;
end $$;

-- Drop the parts that are past their table's `keep`; returns their names. What a foreign key points
-- to is left alone, whatever the rule says. Oldest first; a lock not had at once is for the next time.
create function drop_partitions(t timestamptz default now()) returns setof text
    language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '200ms'
    set timezone = 'UTC' set datestyle = 'ISO' as $$
declare
    part record;
    busy text[] := '{}';
begin
    if not pg_try_advisory_xact_lock(hashtext('lumina.partitions')) then
        return;
    end if;
    for part in
        select c.oid::regclass::text as name, r.parent
        from partition_rules r
        join pg_inherits i on i.inhparent = r.parent::regclass
        join pg_class c on c.oid = i.inhrelid
        cross join lateral (select substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''([^'']*)''\)') as past) b
        where r.keep is not null and b.past is not null
          and not exists (select from pg_constraint where confrelid = r.parent::regclass)
          and case r.keyed_by when 'uuid7' then uuid7_time(b.past::uuid)
                              when 'date' then b.past::date::timestamp at time zone 'UTC'
                              else b.past::timestamptz end <= t - r.keep
        order by b.past
    loop
        continue when part.parent = any (busy);
        begin
            execute format('drop table %s', part.name);
            return next part.name;
        exception when lock_not_available then
            busy := busy || part.parent;
        end;
    end loop;
end $$;

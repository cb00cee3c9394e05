-- A schema, one row for each thing in it, for comparison with another. What time adds by itself, the
-- parts of tables cut by it, is left out.
create temporary view ours as
select c.oid, c.relname, c.relkind, c.relrowsecurity, c.relacl, c.reloptions from pg_class c
where c.relnamespace = 'public'::regnamespace
  and (not c.relispartition or coalesce(pg_get_expr(c.relpartbound, c.oid), '') not like '%FROM%')
  and not exists (select from pg_index x join pg_class t on t.oid = x.indrelid
                  where x.indexrelid = c.oid and t.relispartition);

-- name: relations
select relname, relkind, relrowsecurity, relacl::text[], reloptions from ours

-- name: columns
select o.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
a.attidentity, a.attacl::text[], pg_get_expr(d.adbin, d.adrelid)
from ours o join pg_attribute a on a.attrelid = o.oid and a.attnum > 0
left join pg_attrdef d on d.adrelid = o.oid and d.adnum = a.attnum

-- name: constraints
select o.relname, c.conname, pg_get_constraintdef(c.oid), c.convalidated
from ours o join pg_constraint c on c.conrelid = o.oid
where c.confrelid = 0 or c.confrelid in (select oid from ours)

-- name: indexes
select o.relname, pg_get_indexdef(x.indexrelid), x.indisvalid,
obj_description(x.indexrelid) from ours o join pg_index x on x.indrelid = o.oid

-- name: triggers
select o.relname, pg_get_triggerdef(t.oid), t.tgenabled
from ours o join pg_trigger t on t.tgrelid = o.oid where not t.tgisinternal

-- name: policies
select p.tablename, p.policyname, p.roles::text[], p.cmd, p.qual, p.with_check from pg_policies p

-- name: views
select viewname, definition from pg_views where schemaname = 'public'

-- name: functions
select p.proname, pg_get_functiondef(p.oid), p.proacl::text[] from pg_proc p
where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'

-- name: domains
select t.typname, pg_get_constraintdef(c.oid) from pg_type t
join pg_constraint c on c.contypid = t.oid

-- name: partition_rules
select * from partition_rules

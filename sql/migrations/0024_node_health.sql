-- min_code: 0.1.0

-- Whether the bus of this node worked at its last heartbeat: a node that is cut from Redis asks its peers here.
alter table nodes add column bus_ok boolean not null default false;

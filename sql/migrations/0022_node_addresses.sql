-- min_code: 0.1.0

-- Where the others, and `lumina trace`, reach the private port of a node.
alter table nodes add column private_url text;

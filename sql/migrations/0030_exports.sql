-- min_code: 0.1.0

alter table account_exports
    add column size_bytes bigint check (size_bytes > 0),
    -- An archive is kept for as long as it may be fetched; a pending one that has it is only to be told of yet.
    add constraint archive_expires check (storage_key is null or expires_at is not null),
    add constraint ready_has_its_archive check (status <> 'ready' or (storage_key is not null and size_bytes is not null));
comment on index account_exports_open is 'exports.next and exports.finish: what the worker takes up, and what it tells of';
comment on index account_exports_of_user is 'exports.of_user: those of one user, newest first';
create index account_exports_kept on account_exports (expires_at) where storage_key is not null;
comment on index account_exports_kept is 'exports.expired: archives whose time is over';
select audit_table('account_exports', 'user_id');

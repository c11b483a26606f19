-- Who may come in, and what was done: accounts, tokens, certificates, sessions, rights, audit.
-- Secrets are here only as hashes that the caller made.

create table account (
  key {key},
  name {text} not null unique,
  role {text} not null check (role in ('observer', 'analyst', 'releaser', 'administrator')),
  organisation {text} not null,
  attributes {text} not null,
  password_hash {text},
  totp_secret {bytes},
  totp_step {int} not null default 0,
  failures {int} not null default 0,
  locked_until_us {int} not null default 0,
  disabled {int} not null default 0,
  created_us {int} not null
) {strict};

create table collection_right (
  account {int} not null references account (key),
  collection {int} not null references collection (key),
  can_read {int} not null,
  can_write {int} not null,
  primary key (account, collection)
) {clustered};

create table token (
  key {key},
  hash {bytes} not null unique,
  account {int} not null references account (key),
  name {text} not null,
  scope {text} not null,
  created_us {int} not null,
  expires_us {int} not null,
  revoked_us {int}
) {strict};
create index token_account on token (account);

create table certificate (
  fingerprint {bytes} primary key,
  account {int} not null references account (key),
  subject {text} not null,
  created_us {int} not null
) {clustered};

create table session (
  hash {bytes} primary key,
  account {int} not null references account (key),
  created_us {int} not null,
  seen_us {int} not null,
  expires_us {int} not null
) {clustered};
create index session_account on session (account);
create index session_expires on session (expires_us);

-- What was done. Rows are only ever added.
create table audit (
  key {key},
  at_us {int} not null,
  actor {text} not null,
  origin {text} not null,
  action {text} not null,
  subject {text} not null,
  detail {text} not null
) {strict};
create index audit_time on audit (at_us);
create index audit_subject on audit (subject, key);
create index audit_actor on audit (actor, key);

-- Acts run side by side and commit in any order, so their rows get their place in a second step, from one clock row:
-- a ledger that seals by place misses none. This table holds what has no place yet.
create table audit_unplaced (
  audit {int} primary key
) {strict};

create table audit_clock (
  one {int} primary key check (one = 1),
  place {int} not null
) {strict};
insert into audit_clock (one, place) values (1, 0);

create table audit_place (
  place {int} primary key,
  audit {int} not null unique references audit (key)
) {strict};

-- only sqlite
create trigger audit_no_update before update on audit begin select raise(abort, 'audit is append-only'); end;
create trigger audit_no_delete before delete on audit begin select raise(abort, 'audit is append-only'); end;
create trigger audit_place_no_update before update on audit_place
  begin select raise(abort, 'audit is append-only'); end;
create trigger audit_place_no_delete before delete on audit_place
  begin select raise(abort, 'audit is append-only'); end;

-- only postgres
create function audit_is_append_only() returns trigger language plpgsql as
  'begin raise exception ''audit is append-only'' using errcode = ''23000''; end';
create trigger audit_no_change before update or delete or truncate on audit
  for each statement execute function audit_is_append_only();
create trigger audit_place_no_change before update or delete or truncate on audit_place
  for each statement execute function audit_is_append_only();

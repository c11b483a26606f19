-- The work queue: a job is cut into shards, a worker claims one under a lease, and what it found is written in the
-- transaction that completes it.

create table job (
  key {key},
  name {text} not null unique,
  spec {bytes} not null,
  created_us {int} not null
) {strict};

create table shard (
  key {key},
  job {int} not null references job (key),
  number {int} not null,
  spec {bytes} not null,
  state {text} not null check (state in ('ready', 'leased', 'done', 'failed')),
  worker {text},
  attempts {int} not null default 0,
  leased_until_us {int} not null default 0,
  reason {text},
  unique (job, number)
) {strict};
create index shard_open on shard (state, leased_until_us, key) where state in ('ready', 'leased');

create table hit (
  shard {int} not null,
  number {int} not null,
  bytes {bytes} not null,
  primary key (shard, number)
) {clustered};

-- only postgres
-- One row for each recent transaction, by which a commit whose answer was lost is recognised.
create table act (
  token uuid primary key default gen_random_uuid(),
  at timestamptz not null default now()
);
create index act_at on act (at);

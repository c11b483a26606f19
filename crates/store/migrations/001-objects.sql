-- Objects by id and version with their exact bytes; collections; search; relations.
-- Words in braces are explained in src/engine/dialect.rs. Hot tables carry no foreign keys: rows are only ever made by
-- one function each, and a check for every row would cost more than the row.

-- A summary of markings as `release` writes it: who may know. Few, and compared as numbers.
create table marking (
  key {key},
  summary {text} not null unique
) {strict};

create table collection (
  key {key},
  id {text} not null unique,
  api_root {text} not null,
  alias {text},
  title {text} not null,
  description {text},
  can_read {int} not null,
  can_write {int} not null,
  media_types {text} not null,
  created_us {int} not null,
  unique (api_root, alias),
  unique (api_root, title)
) {strict};

-- The last place given in a collection, and the last date added. Places come from this row and never from a sequence:
-- the row stays locked until its transaction ends, so places appear in the order of commits and without gaps.
create table clock (
  collection {int} primary key references collection (key),
  place {int} not null,
  added_us {int} not null
) {strict};

-- What shares collection, marking, type and specification version. Collection 0 stands for the whole store. A reader
-- sees a set of lanes, and a page is a merge of their heads: what is hidden is never even walked over.
create table lane (
  key {key},
  collection {int} not null,
  marking {int} not null references marking (key),
  type {text} not null,
  spec_version {text} not null,
  unique (collection, marking, type, spec_version)
) {strict};

-- A thing with an id; there may be no version of it here yet, only relations that name it.
create table item (
  key {key},
  id {text} not null unique
) {strict};

-- One version of an item. The bytes come last, so that what needs only the rest does not read them.
create table object (
  key {key},
  item {int} not null,
  version_us {int} not null,
  lane {int} not null,
  creator {int},
  bytes {bytes} not null
) {strict};
create unique index object_version on object (item, version_us);
create index object_lane on object (lane, key);
create index object_time on object (version_us, key);
create index object_creator on object (creator, key);

-- An object in a collection. `newest`: 2 = no newer version here, 1 = none in its lane, 0 = one in its lane;
-- `oldest` likewise. So the last version that a reader may see is found without looking at the others.
create table member (
  collection {int} not null,
  place {int} not null,
  item {int} not null,
  version_us {int} not null,
  object {int} not null,
  lane {int} not null,
  added_us {int} not null,
  newest {int} not null,
  oldest {int} not null,
  primary key (collection, place)
) {clustered};
create unique index member_item on member (collection, item, version_us);
create unique index member_added on member (collection, added_us);
create index member_lane on member (lane, place);
create index member_newest on member (lane, place) where newest > 0;
create index member_object on member (object);

-- What was taken out of a collection. Its old place stays empty, and the taking out has a place of its own.
create table tombstone (
  collection {int} not null,
  place {int} not null,
  item {int} not null,
  version_us {int} not null,
  marking {int} not null,
  removed_place {int} not null,
  removed_us {int} not null,
  primary key (collection, place)
) {clustered};
create index tombstone_item on tombstone (collection, item);

-- Values to search for, case-folded. With the marking in the key, a search walks only over what the asker may see.
create table value (
  value {text} not null,
  marking {int} not null,
  object {int} not null,
  primary key (value, marking, object)
) {clustered};
create index value_object on value (object);

-- A relation as one object states it: the object is a relationship, or has the reference as a property.
create table relation (
  source {int} not null,
  kind {text} not null,
  target {int} not null,
  marking {int} not null,
  object {int} not null,
  primary key (source, marking, object, kind, target)
) {clustered};
create index relation_target on relation (target, marking, object, kind, source);
create index relation_object on relation (object);

-- TAXII status resources (TAXII 2.1 §4.3).
create table status (
  id {text} primary key,
  collection {int} not null references collection (key),
  account {text} not null,
  requested_us {int} not null,
  total {int} not null,
  success {int} not null,
  failure {int} not null,
  pending {int} not null
) {strict};
create index status_requested on status (requested_us);

create table status_entry (
  status {text} not null references status (id) on delete cascade,
  number {int} not null,
  outcome {text} not null,
  id {text} not null,
  version {text} not null,
  message {text},
  primary key (status, number)
) {clustered};

-- Dates rise with places, so a date is found by halving places.
drop index member_added;

-- only sqlite
-- The index over the text of ids is gone: ids are random, and every new one was written to a page of its own. In its
-- place stand hashes of ids by era, as values do (`src/ids.rs`); the next rows but one are written by the program.
create table item_whole (
  key {key},
  id {text} not null
) {strict};
insert into item_whole (key, id) select key, id from item order by key;
drop table item;
alter table item_whole rename to item;
create table item_hash (
  era {int} not null,
  hash {int} not null,
  item {int} not null,
  primary key (era, hash, item)
) {clustered};
-- Of each era that is full, which hashes cannot be in it.
create table item_filter (
  era {int} primary key,
  bits {bytes} not null
) {strict};

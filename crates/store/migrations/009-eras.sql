-- Values stand by era: the objects of one are 131,072 keys in a row (`ERA_OBJECTS` in src/search.rs). New values are as
-- good as random, and in one order over the whole store each of them would be written to a page of its own. Within an
-- era they fall on the pages that the objects before them have touched.
alter table value rename to value_before;
create table value (
  era {int} not null,
  value {text} not null,
  marking {int} not null,
  object {int} not null,
  primary key (era, value, marking, object)
) {clustered};
-- Read in the order of values, so that each era grows at its end. To sort them first would take memory for all of them.
insert into value (era, value, marking, object)
  select object / 131072, value, marking, object from value_before;
drop table value_before;
-- An object's row in a collection is found by its item and version.
drop index member_object;

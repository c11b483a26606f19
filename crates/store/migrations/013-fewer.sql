-- Fewer rows for each object: what one index says is not said by another.

-- What an object states goes out from it itself or, of a relationship, from what it names as its `source_ref`: so its
-- relations are found by their primary key. Rows of which that is not true came from malformed relationships.
delete from relation where source <> (select o.item from object o where o.key = relation.object)
  and not exists (select 1 from object o join relation s on s.source = o.item and s.marking = relation.marking
    and s.object = relation.object and s.kind = 'source_ref' and s.target = relation.source
    where o.key = relation.object);
drop index relation_object;

-- Whatever has a creator says so as a relation, too, and by that it is found.
insert into relation (source, kind, target, marking, object)
  select o.item, 'created_by_ref', o.creator, l.marking, o.key from object o join lane l on l.key = o.lane
  where o.creator is not null on conflict do nothing;
drop index object_creator;

-- Beside `member_newest`, which holds nearly every row, an index over the others and not over all.
drop index member_lane;
create index member_replaced on member (lane, place) where newest = 0;

-- Who handed an object over and by which values it is found, in one row beside it: what needs them does not need the bytes.
create table beside (
  object {int} primary key,
  giver {int},
  words {text} not null
) {strict};
insert into beside (object, giver, words)
  select t.object, g.account, t.words from terms t left join given g on g.object = t.object order by t.object;
insert into beside (object, giver, words)
  select g.object, g.account, '' from given g
  where not exists (select 1 from terms t where t.object = g.object) order by g.object;
drop table terms;
drop table given;

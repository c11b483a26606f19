-- The values of an object beside it, between separators: by them its rows of `value` are found when its marking
-- changes, and a search checks candidates. An index over `value` for that cost more than all the rest of adding one.
create table terms (
  object {int} primary key,
  words {text} not null
) {strict};
-- No value holds the separator from now on.
delete from value where {find}(value, {separator}) > 0;
-- References to markings say who may know, and are no relations: nearly every object has one.
delete from relation where kind in ('object_marking_refs', 'marking_ref');

-- only sqlite
insert into terms (object, words)
  select object, {separator} || group_concat(value, {separator}) || {separator} from value group by object;
drop index value_object;

-- only postgres
insert into terms (object, words)
  select object, {separator} || string_agg(value, {separator}) || {separator} from value group by object;
drop index value_object;

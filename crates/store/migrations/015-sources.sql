-- Who handed objects over, and for which organisation: what an account pulls from another's server comes from there. Until
-- now a giver was an account, by its number.
create table giver (
  key {key},
  account {int} not null references account (key),
  organisation {text} not null,
  unique (account, organisation)
) {strict};
insert into giver (key, account, organisation) select key, key, organisation from account order by key;

-- only postgres
select setval(pg_get_serial_sequence('giver', 'key'), (select coalesce(max(key), 0) + 1 from giver), false);

-- What is good once and was used, until it would not be good any more: several nodes over one store tell each other so.
create table spent (
  word {text} primary key,
  until_us {int} not null
) {clustered};
create index spent_until on spent (until_us);

-- Where the pulling of other servers' collections stands. Dates and cursors are theirs, kept as they wrote them.
create table upstream (
  source {text} not null,
  collection {int} not null references collection (key),
  since {text} not null,
  last {text} not null,
  next {text} not null,
  at_us {int} not null,
  primary key (source, collection)
) {clustered};

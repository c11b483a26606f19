-- Who belongs where, as `release` must know it: organisations, communities. The store reads none of it.
create table party (
  kind {text} not null,
  name {text} not null,
  attributes {text} not null,
  primary key (kind, name)
) {clustered};

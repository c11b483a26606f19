-- Who handed an object over: they go on seeing it, whatever is learned of what it names. Beside the object, because what
-- needs it does not need the bytes.
create table given (
  object {int} primary key,
  account {int} not null
) {strict};

-- Dates stand by era, as values do: those of a feed that brings old and new mixed are as good as random.
drop index object_time;
create index object_time on object ((key / 131072), version_us, key);

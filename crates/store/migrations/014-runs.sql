-- Of the objects of one batch that have a value and a marking in common one row, which lists them (src/values.rs). A row
-- without a list is of the one object that names it.
alter table value add column run {text};

-- From where somebody signed in and by what, so that they can tell their sessions apart. What was kept before is ended.
delete from session;
alter table session add column origin {text} not null default '';
alter table session add column means {text} not null default '';

//! PostgreSQL: several hosts, of which one takes writes.
//!
//! A link that breaks is thrown away and the hosts are asked again for the one that takes writes, so a failover is
//! waited out and not reported. Whether a commit whose answer never came was made is known for certain: every
//! transaction writes a token of its own, and the second attempt writes the same one.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use postgres::config::TargetSessionAttrs;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::ToSql;
use postgres::{Client, Config, Statement};

use super::Session;
use super::dialect::Dialect;
use super::value::{Column, Row, Rows, Value};
use crate::error::{Result, StoreError};
use crate::tls::{self, Tls};

/// How long one host may take to answer before the next is asked.
const CONNECT_WAIT: Duration = Duration::from_secs(3);

/// Between two rounds through all hosts, and how many rounds: 30 seconds outlast an automatic failover (17 seconds
/// were measured with a lease of 20).
const ROUND_WAIT: Duration = Duration::from_millis(250);
const ROUNDS: u32 = 120;

/// A transaction that cannot get a lock is begun anew rather than kept waiting behind a client that hangs.
const SESSION: &str = "set lock_timeout = '20s'; set idle_in_transaction_session_timeout = '60s'; \
    set client_min_messages = 'warning'";

pub(crate) struct Postgres {
    config: Config,
    tls: Tls,
    pool: Mutex<Pool>,
    returned: Condvar,
    limit: usize,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Link>,
    made: usize,
}

/// One connection with its prepared statements.
pub(crate) struct Link {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Postgres {
    pub(crate) fn open(address: &str, links: usize) -> Result<Self> {
        let (mut config, tls) = tls::read(address)?;
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        config.application_name("watchfire");
        config.connect_timeout(CONNECT_WAIT);
        // A host that vanished without a word is noticed after half a minute, not after two hours.
        config.keepalives_idle(Duration::from_secs(10));
        config.tcp_user_timeout(Duration::from_secs(20));
        let store =
            Self { config, tls, pool: Mutex::default(), returned: Condvar::new(), limit: links.max(1) };
        let mut link = store.take()?;
        let suited = check_server(&mut link.client);
        store.give_back(Some(link));
        suited.map(|()| store)
    }

    /// Runs `work` in a transaction that the server, or a quorum where it is so set, has on disk when this returns.
    /// A transaction that is begun anew runs `work` again.
    pub(crate) fn write<T>(&self, work: &mut dyn FnMut(Session<'_>) -> Result<T>) -> Result<T> {
        let mut token = None;
        let mut unanswered = None;
        self.in_rounds(&mut |link| {
            let done = link.attempt(work, &mut token, &mut unanswered);
            let lives = done.is_ok() || !is_gone(&done) && link.roll_back();
            (done, lives)
        })
    }

    /// Runs `work` on one snapshot.
    pub(crate) fn read<T>(&self, work: &mut dyn FnMut(Session<'_>) -> Result<T>) -> Result<T> {
        self.in_rounds(&mut |link| {
            let done = link
                .run_script("begin isolation level repeatable read read only")
                .and_then(|()| work(Session::Postgres(&mut *link)));
            let lives = !is_gone(&done) && link.roll_back();
            (done, lives)
        })
    }

    /// Runs `once` on a link until the server is reached, some rounds long. Besides what was done it says whether the
    /// link can be used again.
    fn in_rounds<T>(&self, once: &mut dyn FnMut(&mut Link) -> (Result<T>, bool)) -> Result<T> {
        let mut round = 0;
        loop {
            let mut link = self.take()?;
            let (done, lives) = once(&mut link);
            self.give_back(lives.then_some(link));
            match done {
                Err(StoreError::Unreachable(_)) if round < ROUNDS => {
                    self.forget_idle();
                    thread::sleep(ROUND_WAIT);
                    round += 1;
                }
                done => return done,
            }
        }
    }

    fn take(&self) -> Result<Link> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(link) = pool.idle.pop() {
                return Ok(link);
            }
            if pool.made < self.limit {
                pool.made += 1;
                break;
            }
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        drop(pool);
        let link = self.connect();
        if link.is_err() {
            self.give_back(None);
        }
        link
    }

    fn give_back(&self, link: Option<Link>) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        match link {
            Some(link) => pool.idle.push(link),
            None => pool.made -= 1,
        }
        self.returned.notify_one();
    }

    /// What was connected to a host that has gone is of no use.
    fn forget_idle(&self) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.made -= pool.idle.len();
        pool.idle.clear();
        self.returned.notify_all();
    }

    fn connect(&self) -> Result<Link> {
        let mut round = 0;
        loop {
            match self.tls.connect(&self.config) {
                Ok(mut client) => {
                    client.batch_execute(SESSION)?;
                    return Ok(Link { client, statements: HashMap::new() });
                }
                // Neither a wrong password nor a wrong certificate becomes right by waiting.
                Err(error) => match StoreError::from(error) {
                    StoreError::Unreachable(_) if round < ROUNDS => {
                        thread::sleep(ROUND_WAIT);
                        round += 1;
                    }
                    error => return Err(error),
                },
            }
        }
    }
}

/// Whether a server went away.
fn is_gone<T>(done: &Result<T>) -> bool {
    matches!(done, Err(StoreError::Unreachable(_)))
}

/// Refuses a server on which an acknowledged write may not be on a disk, or that cannot hold all text.
fn check_server(client: &mut Client) -> Result<()> {
    let row = client.query_one(
        "select current_setting('fsync'), current_setting('synchronous_commit'), \
         current_setting('server_encoding'), current_setting('server_version_num')::int",
        &[],
    )?;
    let (fsync, commit, encoding, version): (&str, &str, &str, i32) =
        (row.get(0), row.get(1), row.get(2), row.get(3));
    let reason = match (fsync, commit, encoding) {
        ("off", _, _) => "fsync is off: an acknowledged write would not be on the disk",
        (_, "off", _) => "synchronous_commit is off: an acknowledged write would not be on the disk",
        (_, _, other) if other != "UTF8" => "the database's encoding is not UTF8",
        _ if version < 130_000 => "it is older than PostgreSQL 13",
        _ => return Ok(()),
    };
    Err(StoreError::Unsuited { reason: reason.to_owned() })
}

impl Link {
    /// One attempt at a transaction. `token` is kept between attempts and `unanswered` is the result of an attempt
    /// whose commit was not answered.
    fn attempt<T>(
        &mut self,
        work: &mut dyn FnMut(Session<'_>) -> Result<T>,
        token: &mut Option<String>,
        unanswered: &mut Option<T>,
    ) -> Result<T> {
        self.run_script("begin isolation level read committed")?;
        if let (Some(written), Some(out)) = (token.as_ref(), unanswered.take()) {
            // Waits for the first attempt where a server still works on it. What it leaves behind decides.
            let insert = "insert into act (token) values ($1::text::uuid) on conflict do nothing";
            match self.run(insert, &[Value::Text(written)]) {
                Ok(0) => return Ok(out),
                Ok(_) => {}
                Err(error) => {
                    *unanswered = Some(out);
                    return Err(error);
                }
            }
        } else if self.keeps_tokens()? {
            let insert = "insert into act default values returning token::text";
            self.for_each(insert, &[], &mut |row| {
                *token = Some(row.string(0)?);
                Ok(())
            })?;
        }
        let out = work(Session::Postgres(self))?;
        match self.run_script("commit") {
            Ok(()) => Ok(out),
            Err(error) => {
                *unanswered = token.is_some().then_some(out);
                Err(error)
            }
        }
    }

    /// False only until the first migration.
    fn keeps_tokens(&mut self) -> Result<bool> {
        if self.statements.contains_key("act") {
            return Ok(true);
        }
        let known = self.client.query_one("select to_regclass('act') is not null", &[])?.get(0);
        if known {
            let statement = self.client.prepare("select 1 from act limit 0")?;
            self.statements.insert("act".to_owned(), statement);
        }
        Ok(known)
    }

    /// Whether the link can be used again.
    fn roll_back(&mut self) -> bool {
        !self.client.is_closed() && self.client.batch_execute("rollback").is_ok()
    }

    pub(super) fn run_script(&mut self, text: &str) -> Result<()> {
        Ok(self.client.batch_execute(text)?)
    }

    fn prepared(&mut self, text: String) -> Result<Statement> {
        if let Some(statement) = self.statements.get(&text) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(&text)?;
        self.statements.insert(text, statement.clone());
        Ok(statement)
    }

    pub(super) fn run(&mut self, text: &str, values: &[Value<'_>]) -> Result<usize> {
        let statement = self.prepared(Dialect::Postgres.translate(text))?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        Ok(self.client.execute(&statement, &values)? as usize)
    }

    pub(super) fn for_each(
        &mut self,
        text: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let statement = self.prepared(Dialect::Postgres.translate(text))?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        self.stream(&statement, &values, each)
    }

    pub(super) fn for_rows(
        &mut self,
        text: &str,
        rows: &Rows<'_>,
        values: &[Value<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let statement = self.prepared(Dialect::Postgres.open_rows(text, rows, 1))?;
        let mut parameters: Vec<&(dyn ToSql + Sync)> = rows.columns.iter().map(Column::array).collect();
        parameters.extend(values.iter().map(|value| value as &(dyn ToSql + Sync)));
        self.stream(&statement, &parameters, each)
    }

    pub(super) fn insert_new(
        &mut self,
        text: &str,
        unique: &[&str],
        rows: &Rows<'_>,
    ) -> Result<Vec<Option<i64>>> {
        let identity = |row: usize| -> Vec<String> {
            let parts = rows.columns.iter().take(unique.len());
            parts.map(|column| column.value(row).to_string()).collect()
        };
        // What comes back is the rows that were new, in no promised order.
        let returned: Vec<String> = unique.iter().map(|name| format!("{name}::text")).collect();
        let text = format!("{text} returning key, {}", returned.join(", "));
        let mut made: HashMap<Vec<String>, i64> = HashMap::with_capacity(rows.len());
        self.for_rows(&text, rows, &[], &mut |row| {
            let parts: Result<Vec<String>> = (1..=unique.len()).map(|at| row.string(at)).collect();
            made.insert(parts?, row.int(0)?);
            Ok(())
        })?;
        Ok((0..rows.len()).map(|row| made.remove(&identity(row))).collect())
    }

    /// Rows are handed on as they come, so an answer of any size takes constant memory.
    fn stream(
        &mut self,
        statement: &Statement,
        values: &[&(dyn ToSql + Sync)],
        each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut rows = self.client.query_raw(statement, values.iter().copied())?;
        while let Some(row) = rows.next()? {
            each(&Row::Postgres(&row))?;
        }
        Ok(())
    }
}

//! The work queue: a job is cut into shards, workers claim them under leases, and what a worker found is written in
//! the transaction that completes its shard. So every shard counts once, whoever dies when.

use crate::engine::{Column, Rows};
use crate::error::{Result, StoreError};
use crate::limits::PAGE_LIMIT;
use crate::store::{Read, Write};

/// How often a shard is tried. One that has cost three workers their life will cost the fourth.
pub const ATTEMPTS_LIMIT: i64 = 3;

/// The number of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey(pub(crate) i64);

/// The number of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardKey(pub(crate) i64);

/// A shard that a worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Its number.
    pub shard: ShardKey,
    /// Its job.
    pub job: JobKey,
    /// What is to be done, as the planner wrote it.
    pub spec: Vec<u8>,
    /// What its job is, as the planner wrote it.
    pub job_spec: Vec<u8>,
    /// Which attempt this is; the first is 1.
    pub attempt: i64,
}

/// Something that a worker found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Where it stands: the number of its shard in the job, and its own in the shard.
    pub at: (i64, i64),
    /// What was found, as the worker wrote it.
    pub bytes: Vec<u8>,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Shards that nobody has claimed.
    pub ready: i64,
    /// Shards under a lease, alive or not.
    pub leased: i64,
    /// Shards done.
    pub done: i64,
    /// Shards given up.
    pub failed: i64,
}

impl Write<'_> {
    /// Makes a job with its shards. A job of the same name is left as it is, so that planning twice changes nothing.
    pub fn create_job(&mut self, name: &str, spec: &[u8], shards: &[&[u8]], now_us: i64) -> Result<JobKey> {
        let made = self.session.first(
            "insert into job (name, spec, created_us) values ($1, $2, $3) on conflict (name) do nothing returning key",
            &[name.into(), spec.into(), now_us.into()],
            |row| row.int(0),
        )?;
        let Some(job) = made else {
            return self.job(name)?.ok_or(StoreError::Missing { what: "job" });
        };
        let columns = vec![Column::Ints((0..).take(shards.len()).collect()), Column::Bytes(shards.to_vec())];
        self.session.run_rows(
            "insert into shard (job, number, spec, state) select $3, r.number, r.spec, 'ready' from {rows number, spec}",
            &Rows { columns },
            &[job.into()],
        )?;
        Ok(JobKey(job))
    }

    /// Leases the first shard that is ready, or whose worker has not reported back in time.
    pub fn claim(&mut self, worker: &str, now_us: i64, lease_us: i64) -> Result<Option<Claimed>> {
        self.session.run(
            "update shard set state = 'failed', reason = 'every worker that tried it stopped reporting' \
             where state = 'leased' and leased_until_us < $1 and attempts >= $2",
            &[now_us.into(), ATTEMPTS_LIMIT.into()],
        )?;
        let claimed = self.session.first(
            "update shard set state = 'leased', worker = $1, attempts = attempts + 1, leased_until_us = $2 \
             where key = (select key from shard where state = 'ready' or (state = 'leased' and leased_until_us < $3) \
             order by key limit 1 {skip locked}) returning key, job, spec, attempts",
            &[worker.into(), (now_us + lease_us).into(), now_us.into()],
            |row| Ok((row.int(0)?, row.int(1)?, row.bytes(2)?.to_owned(), row.int(3)?)),
        )?;
        let Some((shard, job, spec, attempt)) = claimed else { return Ok(None) };
        let job_spec = self.session.first("select spec from job where key = $1", &[job.into()], |row| {
            Ok(row.bytes(0)?.to_owned())
        })?;
        let job_spec = job_spec.ok_or(StoreError::Missing { what: "job" })?;
        Ok(Some(Claimed { shard: ShardKey(shard), job: JobKey(job), spec, job_spec, attempt }))
    }

    /// Keeps a lease that is still the worker's.
    pub fn renew(&mut self, shard: ShardKey, worker: &str, now_us: i64, lease_us: i64) -> Result<()> {
        let held = self.session.run(
            "update shard set leased_until_us = $3 where key = $1 and worker = $2 and state = 'leased'",
            &[shard.0.into(), worker.into(), (now_us + lease_us).into()],
        )?;
        held_by(held, shard, worker)
    }

    /// Completes a shard with what was found, or neither: only under one's own lease.
    pub fn complete(&mut self, shard: ShardKey, worker: &str, hits: &[&[u8]]) -> Result<()> {
        let held = self.session.run(
            "update shard set state = 'done' where key = $1 and worker = $2 and state = 'leased'",
            &[shard.0.into(), worker.into()],
        )?;
        held_by(held, shard, worker)?;
        let columns = vec![Column::Ints((0..).take(hits.len()).collect()), Column::Bytes(hits.to_vec())];
        self.session.run_rows(
            "insert into hit (shard, number, bytes) select $3, r.number, r.bytes from {rows number, bytes}",
            &Rows { columns },
            &[shard.0.into()],
        )
    }

    /// Gives a shard back that could not be done now; after [`ATTEMPTS_LIMIT`] attempts it is given up.
    pub fn give_back(&mut self, shard: ShardKey, worker: &str, reason: &str) -> Result<()> {
        let reason = reason.replace('\0', "\u{fffd}");
        let held = self.session.run(
            "update shard set state = case when attempts >= $4 then 'failed' else 'ready' end, reason = $3 \
             where key = $1 and worker = $2 and state = 'leased'",
            &[shard.0.into(), worker.into(), (&reason).into(), ATTEMPTS_LIMIT.into()],
        )?;
        held_by(held, shard, worker)
    }
}

impl Read<'_> {
    fn job(&mut self, name: &str) -> Result<Option<JobKey>> {
        let text = "select key from job where name = $1";
        self.session.first(text, &[name.into()], |row| Ok(JobKey(row.int(0)?)))
    }

    /// How far a job is.
    pub fn progress(&mut self, job: JobKey) -> Result<Progress> {
        let mut progress = Progress::default();
        let text = "select state, count(*) from shard where job = $1 group by state";
        self.session.for_each(text, &[job.0.into()], &mut |row| {
            let count = row.int(1)?;
            match row.text(0)? {
                "ready" => progress.ready = count,
                "leased" => progress.leased = count,
                "done" => progress.done = count,
                _ => progress.failed = count,
            }
            Ok(())
        })?;
        Ok(progress)
    }

    /// Why shards of a job were given back or given up, by their number in the job.
    pub fn failures(&mut self, job: JobKey) -> Result<Vec<(i64, String)>> {
        self.session.list(
            "select number, reason from shard where job = $1 and reason is not null order by number",
            &[job.0.into()],
            |row| Ok((row.int(0)?, row.string(1)?)),
        )
    }

    /// What was found, in the order of shards and, in each, as it was found, after a position.
    pub fn hits(&mut self, job: JobKey, after: (i64, i64), limit: usize) -> Result<Vec<Hit>> {
        self.session.list(
            "select s.number, h.number, h.bytes from shard s join hit h on h.shard = s.key \
             where s.job = $1 and (s.number, h.number) > ($2, $3) order by s.number, h.number limit $4",
            &[job.0.into(), after.0.into(), after.1.into(), (limit.clamp(1, PAGE_LIMIT) as i64).into()],
            |row| Ok(Hit { at: (row.int(0)?, row.int(1)?), bytes: row.bytes(2)?.to_owned() }),
        )
    }
}

fn held_by(touched: usize, shard: ShardKey, worker: &str) -> Result<()> {
    if touched == 1 {
        return Ok(());
    }
    Err(StoreError::LeaseLost { shard: shard.0, worker: worker.to_owned() })
}

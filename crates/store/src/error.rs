//! What can go wrong in the store, told apart by what the caller can do about it.

use thiserror::Error;

/// Why the store did not do what it was asked. After any of these the store goes on working: nothing that was
/// acknowledged is lost, and nothing of what failed is half there.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The address is none that the store knows.
    #[error("cannot open {address} as a store: {reason}")]
    Address {
        /// The address, without its password.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A newer Watchfire has written here.
    #[error(
        "the store is at migration {found}, newer than the {known} that this program knows; use the newer program"
    )]
    Newer {
        /// The migration that the store is at.
        found: i64,
        /// The last one that this program knows.
        known: i64,
    },
    /// A migration that was applied is not the one that this program carries.
    #[error("migration {number} of the store is not the one that this program carries")]
    Altered {
        /// Its number.
        number: i64,
    },
    /// The engine is there, but is no place for a store.
    #[error("the engine cannot hold a store: {reason}")]
    Unsuited {
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such row.
    #[error("no such {what}")]
    Missing {
        /// What was looked for.
        what: &'static str,
    },
    /// A name, title or id is taken, or a row is referred to that is not there.
    #[error("the store does not allow it: {constraint}")]
    Constraint {
        /// The engine's words for what was broken.
        constraint: String,
    },
    /// Others write at the same moment, and went on doing so through all attempts.
    #[error("the store is busy")]
    Busy(#[source] Cause),
    /// The disk, or the quota, is full. Nothing was written; it works again when there is room.
    #[error("the store's disk is full")]
    Full(#[source] Cause),
    /// No server could be reached, or the one that was reached went away and no other took over in time.
    #[error("the store's server cannot be reached")]
    Unreachable(#[source] Cause),
    /// The connection to the server could not be secured as the address asks for it. Waiting does not cure it.
    #[error(
        "the connection to the store's server is not secure: {reason}; \
         hint: sslmode and sslrootcert in its address say what it must prove"
    )]
    Insecure {
        /// What is wrong with it.
        reason: String,
    },
    /// The lease is not, or no longer, the caller's.
    #[error("the lease on shard {shard} is not held by {worker}")]
    LeaseLost {
        /// The shard.
        shard: i64,
        /// Who claimed to hold it.
        worker: String,
    },
    /// A value that one of the engines cannot hold, and so neither does.
    #[error("cannot store {what}: {reason}")]
    Unstorable {
        /// Which value.
        what: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// A backup that is cut, altered, or of another version.
    #[error("not a whole backup: {reason}, at line {line}")]
    Backup {
        /// What is wrong.
        reason: String,
        /// Where.
        line: u64,
    },
    /// A row is not as this program wrote it.
    #[error("the store holds a row that it cannot hold: {reason}")]
    Corrupt {
        /// What is wrong.
        reason: String,
    },
    /// Reading or writing a file beside the store.
    #[error("cannot read or write {path}")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// SQLite refused for another reason.
    #[error("SQLite failed")]
    Sqlite(#[source] rusqlite::Error),
    /// PostgreSQL refused for another reason.
    #[error("PostgreSQL failed")]
    Postgres(#[source] postgres::Error),
}

/// What an engine said.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The result of whatever touches the store.
pub type Result<T> = std::result::Result<T, StoreError>;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(error.into()),
            Some(ErrorCode::DiskFull) => StoreError::Full(error.into()),
            Some(ErrorCode::ConstraintViolation) => StoreError::Constraint { constraint: error.to_string() },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Corrupt { reason: error.to_string() }
            }
            _ => StoreError::Sqlite(error),
        }
    }
}

impl From<postgres::Error> for StoreError {
    fn from(error: postgres::Error) -> Self {
        if let Some(reason) = refusal_of_tls(&error) {
            return StoreError::Insecure { reason };
        }
        let Some(refusal) = error.as_db_error() else {
            let gone = error.is_closed() || std::error::Error::source(&error).is_some_and(is_io);
            return if gone || error.to_string().contains("connecting") {
                StoreError::Unreachable(error.into())
            } else {
                StoreError::Postgres(error)
            };
        };
        // PostgreSQL appendix A: the class is the first two characters.
        match refusal.code().code() {
            // Serialization failure, deadlock, lock not available.
            "40001" | "40P01" | "55P03" => StoreError::Busy(error.into()),
            // Disk full; out of memory and too many connections pass by themselves too, but by waiting.
            "53100" => StoreError::Full(error.into()),
            // Too many connections; shutdown; crash of another backend; not yet accepting; read-only after a
            // failover: another host is, or soon will be, the one to ask.
            "53300" | "57P01" | "57P02" | "57P03" | "25006" => StoreError::Unreachable(error.into()),
            code if code.starts_with("08") => StoreError::Unreachable(error.into()),
            code if code.starts_with("23") => {
                StoreError::Constraint { constraint: refusal.message().to_owned() }
            }
            _ => StoreError::Postgres(error),
        }
    }
}

fn is_io(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.is::<std::io::Error>()
}

/// Why TLS did not come about, where that is what a connection failed for. Waiting does not cure it.
fn refusal_of_tls(error: &postgres::Error) -> Option<String> {
    let cause = std::error::Error::source(error)?;
    let wrapped = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    if let Some(refusal) = wrapped.and_then(|wrapped| wrapped.downcast_ref::<rustls::Error>()) {
        return Some(refusal.to_string());
    }
    // The client's own words for a server without TLS, and for a host without a name.
    let is_tls = error.to_string().contains("TLS handshake") && wrapped.is_none();
    (is_tls && !cause.is::<std::io::Error>()).then(|| cause.to_string())
}

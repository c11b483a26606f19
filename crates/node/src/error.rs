//! What can go wrong with a node, other than a request that is refused.

use std::path::PathBuf;

use thiserror::Error;
use watchfire_store::StoreError;

/// Why a node, or what administers it, could not do what it was asked.
#[derive(Debug, Error)]
pub enum NodeError {
    /// The store refused.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A file could not be read or written.
    #[error("cannot read or write {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The configuration cannot be understood.
    #[error("the configuration {path} cannot be used: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is a node already.
    #[error("{path} is there already, and a node is made once")]
    Exists {
        /// What is in the way.
        path: PathBuf,
    },
    /// An address on which nobody can be listened to.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A certificate or its key cannot be made or used.
    #[error("the certificate cannot be used: {reason}")]
    Certificate {
        /// What is wrong.
        reason: String,
    },
    /// Another server did not do what was asked of it.
    #[error("{reason}")]
    Upstream {
        /// What went wrong, without any credential.
        reason: String,
    },
    /// The row of the audit that must be there first cannot be written. Nothing was released.
    #[error("the audit cannot be written")]
    Unaudited {
        /// Whether the disk is full.
        is_full: bool,
    },
    /// What was asked makes no sense.
    #[error("{0}")]
    Asked(String),
    /// The operating system gave no random numbers, or a hash could not be made.
    #[error("cannot make a secret")]
    Secret,
}

/// The result of whatever touches a node.
pub(crate) type Result<T> = std::result::Result<T, NodeError>;

/// Adds the file to an error of the file system.
pub(crate) fn of_file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> NodeError {
    let path = path.to_owned();
    move |source| NodeError::File { path, source }
}

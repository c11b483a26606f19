//! What can be typed after `watchfire node`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Listing;

/// `watchfire node`
#[derive(Debug, Args)]
pub(crate) struct Node {
    #[command(subcommand)]
    pub(crate) command: NodeCommand,
}

/// Where the node is.
#[derive(Debug, Args)]
pub(crate) struct Folder {
    /// The node's folder, or its configuration file
    #[arg(long, value_name = "DIR", default_value = ".", global = true)]
    pub(crate) node: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Make a node: configuration, store, certificate, first administrator, first collection
    Init(NodeInit),
    /// Serve TAXII 2.1 until a signal ends it
    Serve {
        #[command(flatten)]
        at: Folder,
    },
    /// Accounts
    User {
        #[command(flatten)]
        at: Folder,
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Tokens, for programs
    Token {
        #[command(flatten)]
        at: Folder,
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Organisations and communities: who belongs where, which decides who may know
    Member {
        #[command(flatten)]
        at: Folder,
        #[command(subcommand)]
        command: MemberCommand,
    },
    /// Collections, and who may read and write them
    Collection {
        #[command(flatten)]
        at: Folder,
        #[command(subcommand)]
        command: CollectionCommand,
    },
    /// The configuration
    Config {
        #[command(flatten)]
        at: Folder,
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Take in what a collection of another TAXII 2.1 server holds, from where the last pull left off
    Pull(NodePull),
    /// What was done: who, when, from where, to what; and to whom an object was released
    Audit(NodeAudit),
    /// Write a backup of the store, also while the node is running
    Backup {
        /// The file to write
        file: PathBuf,
        #[command(flatten)]
        at: Folder,
    },
    /// Fill an empty store from a backup, every row checked
    Restore {
        /// The backup
        file: PathBuf,
        #[command(flatten)]
        at: Folder,
    },
}

/// `watchfire node audit`
#[derive(Debug, Args)]
pub(crate) struct NodeAudit {
    /// Acts of this account; `console` for what was done on this machine
    #[arg(long, value_name = "NAME")]
    pub(crate) actor: Option<String>,
    /// Acts upon this account or collection
    #[arg(long, value_name = "NAME|ID")]
    pub(crate) subject: Option<String>,
    /// This act, such as objects.release, or a kind of acts, such as account
    #[arg(long, value_name = "ACT")]
    pub(crate) action: Option<String>,
    /// Acts that added, released or removed this object
    #[arg(long, value_name = "ID")]
    pub(crate) object: Option<String>,
    /// Not before this: 2021-03-02 or 2021-03-02T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Before this
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Listing::Human)]
    pub(crate) format: Listing,
    #[command(flatten)]
    pub(crate) at: Folder,
}

/// `watchfire intel`
#[derive(Debug, Args)]
pub(crate) struct Intel {
    #[command(subcommand)]
    pub(crate) command: IntelCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IntelCommand {
    /// Show the newest version of an object, or who would get it and which marking decides
    #[command(after_help = "Exit codes: 0 done, 1 withheld from --as, 2 could not do it.")]
    Show {
        /// The object's id
        id: String,
        #[command(flatten)]
        share: Share,
        /// How to print
        #[arg(long, value_enum, default_value_t = Listing::Human)]
        format: Listing,
        #[command(flatten)]
        at: Folder,
    },
    /// List objects, or who would get how many of them and which markings decide
    #[command(after_help = "Exit codes: 0 done, 1 some are withheld from --as, 2 could not do it.")]
    List {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        share: Share,
        /// At most so many
        #[arg(long, value_name = "N", conflicts_with = "everyone")]
        limit: Option<u64>,
        /// How to print
        #[arg(long, value_enum, default_value_t = Listing::Human)]
        format: Listing,
        #[command(flatten)]
        at: Folder,
    },
}

/// Whose share is asked about
#[derive(Debug, Args)]
pub(crate) struct Share {
    /// Would this account, or an unnamed person of this organisation, get it, and why?
    #[arg(long = "as", value_name = "MEMBER", conflicts_with = "everyone")]
    pub(crate) reader: Option<String>,
    /// Who would get it, and why?
    #[arg(long)]
    pub(crate) everyone: bool,
    /// What for: know, consult (ask third parties), act (block)
    #[arg(long = "for", value_name = "USE", default_value = "know")]
    pub(crate) purpose: String,
}

/// Which objects; all that is given must hold
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// A value or a word of them, any case; `mail.*` is the beginning of one; repeatable
    #[arg(long = "value", value_name = "VALUE")]
    pub(crate) values: Vec<String>,
    /// Their type; repeatable, and one of them must be theirs
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) types: Vec<String>,
    /// The id of their creator
    #[arg(long, value_name = "ID")]
    pub(crate) created_by: Option<String>,
    /// An id that they name
    #[arg(long, value_name = "ID")]
    pub(crate) related_to: Option<String>,
    /// Their version is not before this: 2021-03-02 or 2021-03-02T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Their version is before this
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// The level of TLP that they come to, such as amber
    #[arg(long, value_name = "LEVEL")]
    pub(crate) tlp: Option<String>,
    /// Every version, and not the newest only
    #[arg(long)]
    pub(crate) every_version: bool,
}

/// `watchfire node init`
#[derive(Debug, Args)]
pub(crate) struct NodeInit {
    /// The folder of the node
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// The organisation whose node it is
    #[arg(long, default_value = "example")]
    pub(crate) organisation: String,
    /// The store: a file in the folder, or postgres://user@host1,host2/name
    #[arg(long, value_name = "FILE|URL", default_value = "watchfire.db")]
    pub(crate) store: String,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:6100")]
    pub(crate) listen: String,
    /// The name of the first administrator
    #[arg(long, default_value = "admin")]
    pub(crate) admin: String,
    /// Read the administrator's password from standard input instead of making one
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// A name or address of this machine for the certificate; repeatable
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Vec<String>,
    /// Make no certificate: plain HTTP, for this machine only
    #[arg(long)]
    pub(crate) no_tls: bool,
}

/// `watchfire node pull`
#[derive(Debug, Args)]
pub(crate) struct NodePull {
    #[command(flatten)]
    pub(crate) at: Folder,
    /// The other server: its discovery, an API root, or the collection itself
    pub(crate) url: String,
    /// Its collection, by id, alias or title; not needed where there is only one
    #[arg(long)]
    pub(crate) collection: Option<String>,
    /// The collection of this node that takes the objects in, by id or alias
    #[arg(long, value_name = "COLLECTION", required_unless_present = "list")]
    pub(crate) into: Option<String>,
    /// The account here that answers for them; TLP:RED is for its eyes
    #[arg(long = "as", value_name = "ACCOUNT", required_unless_present = "list")]
    pub(crate) account: Option<String>,
    /// The organisation whose server it is: what comes from it, it knows already
    #[arg(long, value_name = "ORGANISATION")]
    pub(crate) from: Option<String>,
    /// Sign in there with this name, and the password from standard input
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Sign in there with a token from standard input
    #[arg(long, conflicts_with = "user")]
    pub(crate) token_stdin: bool,
    /// Trust these authorities instead of the system's, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Sign in there with this certificate, PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,
    /// The key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,
    /// Begin anew, as if nothing had been pulled before
    #[arg(long)]
    pub(crate) anew: bool,
    /// Objects of a page to ask for
    #[arg(long, value_name = "N")]
    pub(crate) page: Option<usize>,
    /// Only list the collections that are offered
    #[arg(long)]
    pub(crate) list: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Listing::Human)]
    pub(crate) format: Listing,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every key, its value, and where that comes from
    Show {
        /// How to print
        #[arg(long, value_enum, default_value_t = Listing::Human)]
        format: Listing,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make an account; its password is printed once
    Add {
        /// Its name
        name: String,
        /// observer reads; analyst adds, too; releaser lets out; administrator runs the node
        #[arg(long, default_value = "analyst")]
        role: String,
        /// Its organisation, if it is not the node's own
        #[arg(long)]
        organisation: Option<String>,
        /// Read the password from standard input instead of making one
        #[arg(long)]
        password_stdin: bool,
    },
    /// List accounts
    List {
        /// How to print
        #[arg(long, value_enum, default_value_t = Listing::Human)]
        format: Listing,
    },
    /// Give an account another password
    Password {
        /// Its name
        name: String,
        /// Read the password from standard input instead of making one
        #[arg(long)]
        password_stdin: bool,
    },
    /// Demand a one-time code (TOTP, six digits) at the end of the password; what an authenticator takes is printed once
    Totp {
        /// Its name
        name: String,
        /// Demand none any more
        #[arg(long)]
        off: bool,
    },
    /// Let a client certificate stand for an account
    Certificate {
        /// Its name
        name: String,
        /// The certificate, PEM; an authority in client_ca of the configuration has signed it
        file: PathBuf,
    },
    /// Shut an account; its tokens are no longer good either
    Disable {
        /// Its name
        name: String,
    },
    /// Open an account again
    Enable {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token; it is printed once
    Add {
        /// The account for which it stands
        user: String,
        /// What it is called
        #[arg(long, default_value = "token")]
        name: String,
        /// It may add and delete objects, as far as the account may
        #[arg(long)]
        write: bool,
        /// Days for which it is good
        #[arg(long, default_value_t = 90)]
        days: u32,
    },
    /// List the tokens of an account
    List {
        /// The account
        user: String,
        /// How to print
        #[arg(long, value_enum, default_value_t = Listing::Human)]
        format: Listing,
    },
    /// Revoke the tokens of an account that have this name
    Revoke {
        /// The account
        user: String,
        /// What they are called
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum MemberCommand {
    /// Say what is known of an organisation; what was known before is forgotten
    Organisation {
        /// Its name
        name: String,
        /// Its nation, as markings name it (REL TO), such as FRA
        #[arg(long)]
        nation: Option<String>,
        /// An organisation whose client it is; repeatable
        #[arg(long)]
        client_of: Vec<String>,
        /// A community that it belongs to; repeatable
        #[arg(long)]
        community: Vec<String>,
    },
    /// Say what is known of a community
    Community {
        /// Its name
        name: String,
        /// A larger community of which it is a part; repeatable
        #[arg(long)]
        within: Vec<String>,
        /// Those outside are not told that it exists
        #[arg(long)]
        hidden: bool,
    },
    /// Forget an organisation or a community
    Forget {
        /// organisation or community
        kind: String,
        /// Its name
        name: String,
    },
    /// List organisations and communities
    List {
        /// How to print
        #[arg(long, value_enum, default_value_t = Listing::Human)]
        format: Listing,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CollectionCommand {
    /// Make a collection; its id is printed
    Add {
        /// Its title, by which some clients choose it
        title: String,
        /// A name that may stand in place of the id
        #[arg(long)]
        alias: Option<String>,
        /// What is in it
        #[arg(long)]
        description: Option<String>,
        /// Its API root, if it is not the first
        #[arg(long)]
        api_root: Option<String>,
        /// Who may read it: everyone who signs in, or those who are granted it
        #[arg(long)]
        read: bool,
        /// Who may write to it: every analyst, or those who are granted it
        #[arg(long)]
        write: bool,
    },
    /// List collections
    List {
        /// How to print
        #[arg(long, value_enum, default_value_t = Listing::Human)]
        format: Listing,
    },
    /// Say what an account may do in a collection; without --read and --write, nothing
    Grant {
        /// The account
        user: String,
        /// The collection, by its id or alias
        collection: String,
        /// It may read
        #[arg(long)]
        read: bool,
        /// It may add and delete objects, as far as its role allows
        #[arg(long)]
        write: bool,
    },
}

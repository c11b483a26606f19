//! What can be typed, word for word; what it means is the commands' business.

mod node;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use node::{
    CollectionCommand, ConfigCommand, Folder, Intel, IntelCommand, MemberCommand, Node, NodeAudit,
    NodeCommand, NodeInit, NodePull, Share, TokenCommand, UserCommand, Which,
};

/// Was this server broken into? Evidence to answer, with proof and with what the logs cannot show.
#[derive(Debug, Parser)]
#[command(name = "watchfire", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Hunt in logs and files of one or several servers and say what happened to each
    Hunt(Box<Hunt>),
    /// Read, list and explain rules
    Rules(Rules),
    /// The objects of a node, and who would get them
    Intel(Intel),
    /// A member's node: keep intelligence, and tell each what they may know over TAXII 2.1
    Node(Node),
    /// Say MISP events, STIX, tables and lists in each other's words
    Convert(Convert),
    /// Check STIX 2.1 objects, and say what follows from them
    Stix(Stix),
    /// Check STIX patterns, and match them against observed data
    #[command(name = "pattern")]
    Pattern(PatternArguments),
}

/// `watchfire hunt`
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "A folder named plan, scan or merge is given as ./plan.\n\n\
                  Exit codes: 0 nothing found, 1 a server was attempted or worse, 2 could not do it."
)]
pub(crate) struct Hunt {
    #[command(subcommand)]
    pub(crate) step: Option<HuntStep>,
    #[command(flatten)]
    pub(crate) what: HuntWhat,
    #[command(flatten)]
    pub(crate) told: HuntTold,
    /// Threads; one a core if not given
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Say on standard error which files and which rules took the time
    #[arg(long)]
    pub(crate) profile: bool,
}

/// The same hunt in shards.
#[derive(Debug, Subcommand)]
pub(crate) enum HuntStep {
    /// Deal a hunt into shards, which can be scanned on as many machines as see the evidence
    #[command(after_help = "Exit codes: 0 planned, 2 could not do it.")]
    Plan {
        #[command(flatten)]
        what: HuntWhat,
        /// Into how many shards
        #[arg(long, value_name = "N", default_value_t = 2)]
        shards: u32,
        /// Where to write the plan; standard output if not given
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Scan one shard of a plan and write its part file
    #[command(after_help = "Exit codes: 0 scanned, 2 could not do it.")]
    Scan {
        /// The plan
        plan: PathBuf,
        /// Which shard, from 1
        #[arg(long, value_name = "K")]
        shard: u32,
        /// Where to write the part file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Threads; one a core if not given
        #[arg(long, value_name = "N")]
        threads: Option<usize>,
    },
    /// Merge the part files of all shards into the answer that one hunt would give
    #[command(
        after_help = "Exit codes: 0 nothing found, 1 a server was attempted or worse, 2 could not do it."
    )]
    Merge {
        /// The plan
        plan: PathBuf,
        /// The part files of all its shards, in any order
        #[arg(required = true, value_name = "PART")]
        parts: Vec<PathBuf>,
        #[command(flatten)]
        told: HuntTold,
        /// Threads; one a core if not given
        #[arg(long, value_name = "N")]
        threads: Option<usize>,
    },
}

/// Where and by what a hunt looks.
#[derive(Debug, Args)]
pub(crate) struct HuntWhat {
    /// Folders, disks, archives (.zip, .gz, .tar, .tar.gz) or single files
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Rules to hunt by: a folder, a file, or `builtin`; repeatable
    #[arg(long, value_name = "DIR|FILE|builtin")]
    pub(crate) rules: Vec<String>,
    /// A processing pipeline in pySigma's YAML for the rules given with --rules; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) pipeline: Vec<PathBuf>,
    /// Indicators to look for: STIX, MISP events or a feed's folder, CSV, plain lists, OpenIOC; repeatable
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) intel: Vec<PathBuf>,
    /// MISP warninglists, on top of a few that are built in: an indicator on one is no reason for a verdict; repeatable
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) warninglist: Vec<PathBuf>,
    /// Only rules of a level, status, tag or name: level=high, status=stable, tag=attack.t1059, rule=ID; repeatable.
    /// Values of one key add up, keys narrow down
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) include: Vec<String>,
    /// No rules of a level, status, tag or name; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) exclude: Vec<String>,
    /// Nothing before this counts: a date or an RFC 3339 time, UTC
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Nothing after this counts: a date (whole day included) or an RFC 3339 time, UTC
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
}

/// How a hunt's answer is told.
#[derive(Debug, Args)]
pub(crate) struct HuntTold {
    /// Show findings of this level and above; the verdict looks at all of them
    #[arg(long, value_name = "LEVEL", default_value = "low")]
    pub(crate) min_level: String,
    /// Write a report to a file: .html, .md, .csv, .jsonl or .stix.json; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Vec<PathBuf>,
    /// Who may know what is written as STIX: clear, green, amber, amber+strict or red
    #[arg(long, value_name = "LEVEL", default_value = "amber")]
    pub(crate) tlp: String,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// An allow-list of findings that were reviewed, in YAML: entries with `rule`, `reason`, `by`, and where wanted
    /// `server`, `client`, `file`, `fields`, `until`; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) allow: Vec<PathBuf>,
    /// Add the findings in numbers: levels, techniques, a histogram, the loudest servers and rules
    #[arg(long)]
    pub(crate) summary: bool,
    /// Columns of the CSV timeline: minimal, standard, full, or names with commas between them, among which
    /// field:NAME is a field of the records
    #[arg(long, value_name = "PROFILE|NAMES", default_value = "standard")]
    pub(crate) columns: String,
}

/// What is printed on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For reading
    Human,
    /// One JSON object a line
    Jsonl,
    /// The timeline as a table
    Csv,
    /// A bundle of STIX 2.1: observed data, sightings, indicators
    Stix,
}

/// `watchfire rules`
#[derive(Debug, Args)]
pub(crate) struct Rules {
    #[command(subcommand)]
    pub(crate) command: RulesCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Read rules and say what is wrong with them, with file, line and column
    Check(RulesPaths),
    /// List rules, one a line
    List(RulesPaths),
    /// Show one rule by its name or id
    Show {
        /// The rule's name or id
        rule: String,
        #[command(flatten)]
        from: RulesPaths,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RulesPaths {
    /// Folders, files, or `builtin`, which is also the default
    #[arg(value_name = "DIR|FILE|builtin")]
    pub(crate) paths: Vec<String>,
    /// A processing pipeline in pySigma's YAML; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) pipeline: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Listing::Human)]
    pub(crate) format: Listing,
}

/// How a list is printed on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listing {
    /// For reading
    Human,
    /// One JSON document
    Json,
    /// One JSON object a line
    Jsonl,
}

/// `watchfire convert`
#[derive(Debug, Args)]
#[command(
    after_help = "What a target cannot say is listed on standard error. Exit codes: 0 done, 2 could not do it."
)]
pub(crate) struct Convert {
    /// STIX, a MISP event, search result or feed's folder, CSAF, OpenIOC, a table or a list; `-` is standard input
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Where to: .stix.json, .misp.json, .layer.json, .csv, .txt, or a folder for a MISP feed; `-` is standard output
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// What the input is, if not what it looks like
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) from: Option<Exchange>,
    /// What to write, if not what the name of the output says
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) to: Option<Exchange>,
    /// From STIX to STIX: say objects of 2.0 in the words of 2.1
    #[arg(long)]
    pub(crate) upgrade: bool,
}

/// A format of exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Exchange {
    /// STIX 2.1
    Stix,
    /// MISP events in one file
    Misp,
    /// The folder of a MISP feed
    MispFeed,
    /// A table of all attributes
    Csv,
    /// Values for detection, one a line
    Text,
    /// A definition of indicators; only read
    #[value(name = "openioc")]
    OpenIoc,
    /// A security advisory of CSAF 2.0; only read
    Csaf,
    /// A layer of ATT&CK techniques with counts, format 4.5; only written
    Navigator,
}

/// `watchfire stix`
#[derive(Debug, Args)]
pub(crate) struct Stix {
    #[command(subcommand)]
    pub(crate) command: StixCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StixCommand {
    /// Hold objects, lists of objects or bundles against the standard
    #[command(after_help = "Exit codes: 0 valid, 1 invalid, 2 could not do it.")]
    Check(StixCheck),
    /// Print the deterministic id of each observable
    #[command(
        after_help = "Exit codes: 0 done, 1 an id is a UUID of version 5 and another one, 2 could not do it."
    )]
    Id(StixId),
    /// Write JSON in its canonical form (RFC 8785), nothing added
    #[command(after_help = "Exit codes: 0 done, 1 there is no canonical form, 2 could not do it.")]
    Canonical {
        /// A file of JSON; `-` is standard input
        file: PathBuf,
    },
}

/// `watchfire stix check`
#[derive(Debug, Args)]
pub(crate) struct StixCheck {
    /// Files of objects, lists of objects or bundles; `-` is standard input
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// What the standard says should be must be
    #[arg(long)]
    pub(crate) strict: bool,
    /// How to print what is wrong
    #[arg(long, value_enum, default_value_t = Listing::Human)]
    pub(crate) format: Listing,
}

/// `watchfire stix id`
#[derive(Debug, Args)]
pub(crate) struct StixId {
    /// A file of objects; `-` is standard input
    pub(crate) file: PathBuf,
    /// How to print the ids
    #[arg(long, value_enum, default_value_t = Listing::Human)]
    pub(crate) format: Listing,
}

/// `watchfire pattern`
#[derive(Debug, Args)]
pub(crate) struct PatternArguments {
    #[command(subcommand)]
    pub(crate) command: PatternCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PatternCommand {
    /// Say whether a pattern is valid, with the column of what is not
    #[command(after_help = "Exit codes: 0 valid, 1 invalid, 2 could not do it.")]
    Check {
        /// The pattern, or `-` for one pattern a line of standard input
        #[arg(allow_hyphen_values = true)]
        pattern: String,
        /// How to print the answer
        #[arg(long, value_enum, default_value_t = Listing::Human)]
        format: Listing,
    },
    /// Say which observations a pattern matches
    #[command(after_help = "Exit codes: 0 match, 1 no match, 2 could not do it.")]
    Match {
        /// The pattern
        #[arg(allow_hyphen_values = true)]
        pattern: String,
        /// Observed data as JSON: one object, a list or a bundle; `-` for standard input
        #[arg(value_name = "OBSERVED.json")]
        observed: PathBuf,
        /// How to print the answer
        #[arg(long, value_enum, default_value_t = Listing::Human)]
        format: Listing,
    },
}

//! Every limit of this crate, with its reason.
//!
//! Rules arrive by mail, by feed and from allies, so a file of rules is hostile input like any other: nothing in it
//! may make the reader slow, deep or large without bound.

/// A file of rules larger than this is refused. The largest public rule is under 100 KB; indicator lists belong in
/// an indicator file, not in a rule.
pub const FILE_BYTES_MAX: usize = 4 << 20;

/// How deep YAML may nest. A Sigma rule needs five levels; recursion over the tree must stay far from the stack's end.
pub const YAML_DEPTH_MAX: usize = 48;

/// The most indentation and indicators (`-`, `?`, `:`) that one line may have. Block collections nest at most twice
/// as deep as that, so a tree is never too deep to be freed, whatever else is wrong with it.
pub const YAML_INDENT_MAX: usize = 400;

/// How deep the parentheses and negations of a condition may nest, for the same reason.
pub const CONDITION_DEPTH_MAX: usize = 64;

/// How many tokens a condition may have: the longest public one has about 60.
pub const CONDITION_TOKENS_MAX: usize = 4_096;

/// How many values one document may hold, after its modifiers and placeholders multiplied them.
pub const VALUES_MAX: usize = 200_000;

/// How many detections the selectors of one condition (`1 of x*`) may copy into it.
pub const REFERENCES_MAX: usize = 4_096;

/// Bytes that one compiled regular expression may take: enough for `.{1000,}` over Unicode, and no more.
pub const REGEX_BYTES_MAX: usize = 4 << 20;

/// Bytes of lazily built automaton that one regular expression may keep while it runs.
pub const REGEX_CACHE_BYTES_MAX: usize = 2 << 20;

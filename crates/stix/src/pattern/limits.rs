//! Every limit on patterns and on what they are matched against, with its reason.
//!
//! Patterns come from allies and feeds, observed data from anywhere, so both are hostile: nothing in them may make
//! the parser deep, an expression endless or a search explode.

/// A pattern longer than this is refused. The longest public ones join some thousand hashes in under 200 KB.
pub const PATTERN_BYTES_MAX: usize = 16 << 20;

/// How deep parentheses may nest: people write four levels, recursion must stay far from the end of the stack.
pub const PARENTHESES_DEPTH_MAX: usize = 100;

/// How many steps an object path may have. The deepest of the standard's own has six.
pub const PATH_STEPS_MAX: usize = 64;

/// The longest time that `WITHIN` may span, in seconds: more than all years that a timestamp can name.
pub const WITHIN_SECONDS_MAX: i128 = 1_000_000_000_000;

/// The largest count that `REPEATS` may ask for, and the largest `number_observed` (STIX 2.1 §4.14.1).
pub const OBSERVED_MAX: u64 = 999_999_999;

/// Bytes that one compiled regular expression may take: enough for `.{1000,}` over Unicode, and no more.
pub const REGEX_BYTES_MAX: usize = 4 << 20;

/// Bytes of lazily built automaton that one regular expression may keep while it runs.
pub const REGEX_CACHE_BYTES_MAX: usize = 1 << 20;

/// How deep groups of a regular expression may nest.
pub const REGEX_DEPTH_MAX: usize = 100;

/// How often a regular expression with look-around or back-references may turn back on one value. Sound expressions
/// stay under a thousand; an expression built to explode ends here, after some milliseconds.
pub const REGEX_BACKTRACKS_MAX: usize = 200_000;

/// How many characters `LIKE` may look at for one value: a value of a megabyte with a usual pattern takes a million.
pub const LIKE_STEPS_MAX: u64 = 50_000_000;

/// How many observations are tried in places of one pattern before the answer is "cannot say". Sound patterns over
/// 10,000 observations take under 100,000.
pub const COMBINATION_STEPS_MAX: u64 = 2_000_000;

/// How many observations a pattern with `FOLLOWEDBY` or `WITHIN` over several expressions may ask for together:
/// each is a level of the search.
pub const PLACES_MAX: u64 = 1_000;

/// Bytes of values that the plain indicators of one set may have together: places in them are 32 bits.
pub const PLAIN_BYTES_MAX: usize = u32::MAX as usize - 1;

//! Every limit on indicators and on looking for them, with its reason.

/// A value longer than this is refused: the longest URLs of public feeds have some 2,000 bytes.
pub const VALUE_BYTES_MAX: usize = 4096;

/// Values of all indicators together. Their places are kept in 32 bits.
pub const TEXT_BYTES_MAX: usize = u32::MAX as usize;

/// Values that have neither a dot nor a digest to be found by are sought letter by letter by one automaton, which
/// takes some hundred bytes for each. Public feeds have a few hundred.
pub const LITERALS_MAX: usize = 20_000;

/// A literal shorter than this stands everywhere by chance.
pub const LITERAL_BYTES_MIN: usize = 5;

/// A word of a text, such as a host name, is looked at up to this length on either side of a dot. No host name is
/// longer (RFC 1035 §2.3.4), and no file name of Windows.
pub const WORD_BYTES_MAX: usize = 256;

/// The name of a file is no longer, on Windows (NTFS) as elsewhere; so it is within [`WORD_BYTES_MAX`].
pub const NAME_BYTES_MAX: usize = 255;

/// Components of a path that are looked at before the file name.
pub const PATH_PARTS_MAX: usize = 24;

/// Bytes of a path that are looked at before the file name.
pub const PATH_BYTES_MAX: usize = 1024;

/// Places at which a URL in running text may end, since a comma or a bracket may belong to it or not.
pub const URL_ENDS_MAX: usize = 16;

/// Further sources that are named for a value which several sources warn of.
pub const SOURCES_MAX: usize = 8;

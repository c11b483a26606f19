//! The header of an event log file, [MS-EVEN6] and "Windows XML Event Log format" (libevtx) §2.

/// Size of a chunk in bytes.
pub(crate) const CHUNK_BYTES: usize = 65_536;
/// Size of the block in which the file header stands; the first chunk follows it.
pub(crate) const HEADER_BLOCK_BYTES: usize = 4_096;
/// What the checksum of the header covers.
const CHECKED_BYTES: usize = 120;

/// The header block of a file of so many chunks, whose next record would have this number.
pub(crate) fn header(chunks: u64, next_record: u64) -> Vec<u8> {
    let mut block = Vec::with_capacity(HEADER_BLOCK_BYTES);
    block.extend_from_slice(b"ElfFile\0");
    block.extend_from_slice(&0_u64.to_le_bytes());
    block.extend_from_slice(&chunks.saturating_sub(1).to_le_bytes());
    block.extend_from_slice(&next_record.to_le_bytes());
    block.extend_from_slice(&128_u32.to_le_bytes());
    // Format version 3.1, minor number first.
    block.extend_from_slice(&1_u16.to_le_bytes());
    block.extend_from_slice(&3_u16.to_le_bytes());
    block.extend_from_slice(&(HEADER_BLOCK_BYTES as u16).to_le_bytes());
    // Sixteen bits cannot count beyond 4 GiB; the number of the last chunk can.
    block.extend_from_slice(&u16::try_from(chunks).unwrap_or(u16::MAX).to_le_bytes());
    block.resize(CHECKED_BYTES, 0);
    let checksum = crc32fast::hash(&block);
    // No flags: the log was closed in order.
    block.extend_from_slice(&0_u32.to_le_bytes());
    block.extend_from_slice(&checksum.to_le_bytes());
    block.resize(HEADER_BLOCK_BYTES, 0);
    block
}

#[cfg(test)]
mod tests {
    use super::header;

    #[test]
    fn the_header_is_one_that_windows_would_write() {
        let block = header(3, 118);
        assert_eq!(block.len(), 4_096);
        assert_eq!(&block[..8], b"ElfFile\0");
        assert_eq!(block[16..24], 2_u64.to_le_bytes());
        assert_eq!(block[24..32], 118_u64.to_le_bytes());
        assert_eq!(block[36..44], [1, 0, 3, 0, 0, 16, 3, 0]);
        assert_eq!(block[124..128], crc32fast::hash(&block[..120]).to_le_bytes());
    }

    #[test]
    fn a_file_beyond_four_gigabytes_still_names_its_last_chunk() {
        let block = header(131_072, 1);
        assert_eq!(block[16..24], 131_071_u64.to_le_bytes());
        assert_eq!(block[42..44], [0xff, 0xff]);
    }
}

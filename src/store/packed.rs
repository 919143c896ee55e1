//! Texts of the store, packed as zlib (RFC 1950).

use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use super::StoreError;

/// Between speed and size: 9 is 1 % smaller, and takes twice as long.
const LEVEL: u8 = 6;

/// The longest text, in bytes: more than any report. A damaged file shall not fill the memory.
const LONGEST: usize = 64 * 1024 * 1024;

pub fn pack(text: &[u8]) -> Vec<u8> {
    compress_to_vec_zlib(text, LEVEL)
}

pub fn unpack(packed: &[u8]) -> Result<Vec<u8>, StoreError> {
    decompress_to_vec_zlib_with_limit(packed, LONGEST)
        .map_err(|error| StoreError::Damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_again_and_damage_is_told() {
        let text = b"{\"findings\": []}".repeat(1_000);
        let packed = pack(&text);
        assert!(packed.len() < text.len() / 50);
        assert_eq!(unpack(&packed), Ok(text));
        for damaged in [&packed[..packed.len() - 5], &[], b"no zlib"] {
            assert!(matches!(unpack(damaged), Err(StoreError::Damaged(_))));
        }
    }
}

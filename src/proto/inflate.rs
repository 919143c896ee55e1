//! Bodies that were packed although nobody asked for it: gzip (RFC 1952) and zlib (RFC 1950), both
//! around DEFLATE (RFC 1951). As far as it came, and up to a size: a small body can swell.

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Gzip,
    /// `deflate` in HTTP: zlib, or DEFLATE alone from servers that took the name literally.
    Deflate,
}

impl Packing {
    /// The packing with this name in `Content-Encoding`.
    pub fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            _ => None,
        }
    }
}

/// Unpacks the beginning of a body, at most `most` bytes of it; `None` where it is not packed like
/// this.
pub fn unpack(packing: Packing, bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    let packed = match packing {
        Packing::Gzip => behind_gzip_header(bytes)?,
        Packing::Deflate => match bytes {
            [method, flags, rest @ ..]
                if method & 15 == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0 =>
            {
                rest
            }
            _ => bytes,
        },
    };
    let mut reader = Inflating { bytes: packed, at: 0, bits: 0, count: 0, out: Vec::new(), most };
    match reader.blocks() {
        Ok(()) | Err(Stop::Enough | Stop::End) => Some(reader.out),
        Err(Stop::Wrong) => None,
    }
}

fn behind_gzip_header(bytes: &[u8]) -> Option<&[u8]> {
    const CHECKSUM: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let (header, mut rest) = bytes.split_at_checked(10)?;
    if !header.starts_with(&[0x1f, 0x8b, 8]) {
        return None;
    }
    let flags = header[3];
    if flags & EXTRA != 0 {
        let length = u16::from_le_bytes([*rest.first()?, *rest.get(1)?]);
        rest = rest.get(2 + usize::from(length)..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & CHECKSUM != 0 { rest.get(2..) } else { Some(rest) }
}

/// Why reading stops before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// As much as is wanted is there.
    Enough,
    /// No more came.
    End,
    /// This is not DEFLATE.
    Wrong,
}

struct Inflating<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bits that were taken out of `bytes` and not used yet, and how many they are.
    bits: u32,
    count: u32,
    out: Vec<u8>,
    most: usize,
}

/// The longest code, in bits.
const LONGEST: usize = 15;

/// A Huffman code: how many symbols have a code of each length, and the symbols in their order.
struct Code {
    counts: [u16; LONGEST + 1],
    symbols: Vec<u16>,
}

impl Code {
    fn new(lengths: &[u8]) -> Self {
        let mut counts = [0; LONGEST + 1];
        for length in lengths {
            counts[usize::from(*length)] += 1;
        }
        let mut symbols: Vec<u16> = (0..)
            .zip(lengths)
            .filter(|(_, length)| **length > 0)
            .map(|(symbol, _)| symbol)
            .collect();
        symbols.sort_by_key(|symbol| lengths[usize::from(*symbol)]);
        counts[0] = 0;
        Self { counts, symbols }
    }
}

impl Inflating<'_> {
    fn blocks(&mut self) -> Result<(), Stop> {
        loop {
            let is_last = self.take(1)? == 1;
            match self.take(2)? {
                0 => self.stored()?,
                1 => self.block(&fixed_literals(), &Code::new(&[5; 30]))?,
                2 => {
                    let (literals, distances) = self.codes()?;
                    self.block(&literals, &distances)?;
                }
                _ => return Err(Stop::Wrong),
            }
            if is_last {
                return Ok(());
            }
        }
    }

    fn take(&mut self, wanted: u32) -> Result<u32, Stop> {
        while self.count < wanted {
            let byte = *self.bytes.get(self.at).ok_or(Stop::End)?;
            self.bits |= u32::from(byte) << self.count;
            self.at += 1;
            self.count += 8;
        }
        let taken = self.bits & ((1 << wanted) - 1);
        self.bits >>= wanted;
        self.count -= wanted;
        Ok(taken)
    }

    fn put(&mut self, byte: u8) -> Result<(), Stop> {
        if self.out.len() >= self.most {
            return Err(Stop::Enough);
        }
        self.out.push(byte);
        Ok(())
    }

    fn symbol(&mut self, code: &Code) -> Result<u16, Stop> {
        let (mut read, mut first, mut index) = (0_i32, 0_i32, 0_i32);
        for count in &code.counts[1..] {
            read |= i32::try_from(self.take(1)?).map_err(|_| Stop::Wrong)?;
            let count = i32::from(*count);
            if read - count < first {
                let place = usize::try_from(index + read - first).map_err(|_| Stop::Wrong)?;
                return code.symbols.get(place).copied().ok_or(Stop::Wrong);
            }
            index += count;
            first = (first + count) << 1;
            read <<= 1;
        }
        Err(Stop::Wrong)
    }

    fn stored(&mut self) -> Result<(), Stop> {
        self.bits = 0;
        self.count = 0;
        let (length, inverse) = (self.take(16)?, self.take(16)?);
        if length != !inverse & 0xffff {
            return Err(Stop::Wrong);
        }
        for _ in 0..length {
            let byte = *self.bytes.get(self.at).ok_or(Stop::End)?;
            self.at += 1;
            self.put(byte)?;
        }
        Ok(())
    }

    /// The codes of a block that brings its own (RFC 1951 §3.2.7).
    fn codes(&mut self) -> Result<(Code, Code), Stop> {
        const ORDER: [usize; 19] =
            [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        let literals = self.take(5)? as usize + 257;
        let distances = self.take(5)? as usize + 1;
        let given = self.take(4)? as usize + 4;
        let mut lengths = [0; 19];
        for place in &ORDER[..given] {
            lengths[*place] = self.take(3)? as u8;
        }
        let code = Code::new(&lengths);
        let mut lengths: Vec<u8> = Vec::new();
        while lengths.len() < literals + distances {
            let (length, times) = match self.symbol(&code)? {
                16 => (*lengths.last().ok_or(Stop::Wrong)?, 3 + self.take(2)?),
                17 => (0, 3 + self.take(3)?),
                18 => (0, 11 + self.take(7)?),
                length => (length as u8, 1),
            };
            lengths.extend((0..times).map(|_| length));
        }
        if lengths.len() > literals + distances {
            return Err(Stop::Wrong);
        }
        let (literals, distances) = lengths.split_at(literals);
        Ok((Code::new(literals), Code::new(distances)))
    }

    fn block(&mut self, literals: &Code, distances: &Code) -> Result<(), Stop> {
        const END_OF_BLOCK: u16 = 256;
        loop {
            match self.symbol(literals)? {
                literal @ 0..END_OF_BLOCK => self.put(literal as u8)?,
                END_OF_BLOCK => return Ok(()),
                length => {
                    let length = self.length(length)?;
                    let symbol = self.symbol(distances)?;
                    let distance = self.distance(symbol)?;
                    for _ in 0..length {
                        let from = self.out.len().checked_sub(distance).ok_or(Stop::Wrong)?;
                        self.put(self.out[from])?;
                    }
                }
            }
        }
    }

    /// How many bytes a symbol behind the literals repeats (RFC 1951 §3.2.5).
    fn length(&mut self, symbol: u16) -> Result<usize, Stop> {
        let index = u32::from(symbol) - 257;
        match index {
            0..8 => Ok(index as usize + 3),
            8..28 => {
                let extra = index / 4 - 1;
                let base = 3 + ((4 + index % 4) << extra);
                Ok((base + self.take(extra)?) as usize)
            }
            28 => Ok(258),
            _ => Err(Stop::Wrong),
        }
    }

    /// How far back they are.
    fn distance(&mut self, symbol: u16) -> Result<usize, Stop> {
        let symbol = u32::from(symbol);
        match symbol {
            0..4 => Ok(symbol as usize + 1),
            4..30 => {
                let extra = symbol / 2 - 1;
                let base = 1 + ((2 + symbol % 2) << extra);
                Ok((base + self.take(extra)?) as usize)
            }
            _ => Err(Stop::Wrong),
        }
    }
}

/// The code of literals in blocks that bring none (RFC 1951 §3.2.6).
fn fixed_literals() -> Code {
    let mut lengths = [8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    Code::new(&lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made with Python's gzip, zlib and zlib.compressobj(wbits=-15).
    const STORED: &[u8] =
        b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff\x6e\x00\x01\x0e\x00\xf1\xff\x6e\x6f\x20\x70\
        \x65\x72\x6d\x69\x73\x73\x69\x6f\x6e\x73\x7e\x0a\x25\xe1\x0e\x00\x00\x00";
    const FIXED: &[u8] =
        b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x02\xff\x6e\x00\xcb\xcb\x57\x28\x48\x2d\xca\xcd\x2c\
        \x2e\xce\xcc\xcf\x2b\x56\x28\xc9\x57\x48\x4c\x4e\x4e\x2d\x06\xb2\x32\x52\x15\x8a\xf2\
        \xf3\x73\x01\x11\x0d\x65\xd9\x21\x00\x00\x00";
    const GZIP: &[u8] =
        b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x02\xff\x6e\x00\x4d\xd3\x3b\x6e\xc4\x30\x0c\x04\xd0\
        \x3e\xa7\xd8\x23\xf0\x2b\x92\x07\x4a\x80\x00\x8b\xe4\xfe\x5d\xa4\x11\x89\xb8\xf3\xb0\
        \xb0\x9e\xe9\xd1\xfb\xfb\xe7\xf3\x45\xaf\xdf\xaf\x17\x7d\xbc\xcf\x73\x14\xd7\x89\x7c\
        \x23\x7b\x6a\x9e\x2c\x37\x8b\x86\xc7\xc9\x7a\xb3\xf2\x8a\x75\xb2\x75\x2e\x2f\x3f\xd9\
        \x6f\xb6\x70\xb6\x93\xd7\xcd\xee\xa6\x7a\x72\xdc\xbc\x54\x5d\x4e\xce\x3e\x9e\x25\xf8\
        \xe4\xfa\xe7\x80\xc7\xed\xcb\x60\xba\xc0\x16\x96\x93\x40\xc8\x4d\x64\x92\x32\x18\xb9\
        \x91\xcc\x94\x0b\x4a\xb6\x99\x64\x24\x9c\xdc\x50\x96\x15\x04\x29\x37\x95\xd5\x96\xc0\
        \xca\x8d\x65\x13\x37\x68\x39\x67\x3d\x64\x0b\x5e\xae\xc7\xc2\x20\x96\x16\xf3\x5a\x52\
        \x20\xcb\x2c\x35\x4c\xf8\x6e\x75\xcc\x29\xac\x30\xcb\x98\x8b\xc8\x61\x96\x31\x57\x54\
        \xc0\x2c\x6d\x16\xf2\x2c\x98\xa5\xcd\xfb\x2d\xc9\x30\x4b\x9b\x45\x38\x14\x66\xc9\x99\
        \xd4\x72\x98\xa5\x1e\x3f\x15\x66\x6d\xb3\x98\x5b\xc2\xac\x6d\x16\x57\x23\x98\x75\xaa\
        \xb0\x58\xe5\x76\x41\x67\x52\x62\x30\x6b\x9b\x25\x82\x17\xcc\x3a\xe6\x74\x4a\x98\x75\
        \xcc\xa5\x44\x30\x6b\x9b\x77\x2e\x81\x59\x73\x26\x99\x06\xb3\xd6\xa3\x78\x30\x5b\x9b\
        \x75\x9f\x1d\x30\x5b\x9b\x55\xc5\x0b\x66\x6b\xf3\xfe\x06\x67\x98\x6d\x0a\x6c\x69\x7a\
        \x1b\x3c\x15\xf6\xa5\x0e\xb3\xb5\x59\x97\x49\xc0\x6c\x6d\xd6\x10\x2e\x98\x6d\xcc\x49\
        \xcc\x30\xdb\x98\x33\x49\x61\xb6\x7a\x5c\x0e\x98\xbd\xcd\x46\x9a\x0b\x66\x6f\xb3\x31\
        \x47\xc2\xec\x32\x93\x0a\x82\xd9\xdb\xbc\x35\x4b\x60\xf6\x36\xdb\x16\xdb\xbd\x77\x73\
        \xf1\x6c\xd7\x17\x66\x6f\xb3\xf9\x2e\x07\xcc\x1e\x33\xd9\xab\x87\xd9\xdb\xbc\x37\xb8\
        \x0b\x83\x49\x7d\xfc\x01\x8b\x43\x76\x23\x1c\x04\x00\x00";
    const ZLIB: &[u8] =
        b"\x78\xda\x4d\xd3\x3b\x6e\xc4\x30\x0c\x04\xd0\x3e\xa7\xd8\x23\xf0\x2b\x92\x07\x4a\x80\
        \x00\x8b\xe4\xfe\x5d\xa4\x11\x89\xb8\xf3\xb0\xb0\x9e\xe9\xd1\xfb\xfb\xe7\xf3\x45\xaf\
        \xdf\xaf\x17\x7d\xbc\xcf\x73\x14\xd7\x89\x7c\x23\x7b\x6a\x9e\x2c\x37\x8b\x86\xc7\xc9\
        \x7a\xb3\xf2\x8a\x75\xb2\x75\x2e\x2f\x3f\xd9\x6f\xb6\x70\xb6\x93\xd7\xcd\xee\xa6\x7a\
        \x72\xdc\xbc\x54\x5d\x4e\xce\x3e\x9e\x25\xf8\xe4\xfa\xe7\x80\xc7\xed\xcb\x60\xba\xc0\
        \x16\x96\x93\x40\xc8\x4d\x64\x92\x32\x18\xb9\x91\xcc\x94\x0b\x4a\xb6\x99\x64\x24\x9c\
        \xdc\x50\x96\x15\x04\x29\x37\x95\xd5\x96\xc0\xca\x8d\x65\x13\x37\x68\x39\x67\x3d\x64\
        \x0b\x5e\xae\xc7\xc2\x20\x96\x16\xf3\x5a\x52\x20\xcb\x2c\x35\x4c\xf8\x6e\x75\xcc\x29\
        \xac\x30\xcb\x98\x8b\xc8\x61\x96\x31\x57\x54\xc0\x2c\x6d\x16\xf2\x2c\x98\xa5\xcd\xfb\
        \x2d\xc9\x30\x4b\x9b\x45\x38\x14\x66\xc9\x99\xd4\x72\x98\xa5\x1e\x3f\x15\x66\x6d\xb3\
        \x98\x5b\xc2\xac\x6d\x16\x57\x23\x98\x75\xaa\xb0\x58\xe5\x76\x41\x67\x52\x62\x30\x6b\
        \x9b\x25\x82\x17\xcc\x3a\xe6\x74\x4a\x98\x75\xcc\xa5\x44\x30\x6b\x9b\x77\x2e\x81\x59\
        \x73\x26\x99\x06\xb3\xd6\xa3\x78\x30\x5b\x9b\x75\x9f\x1d\x30\x5b\x9b\x55\xc5\x0b\x66\
        \x6b\xf3\xfe\x06\x67\x98\x6d\x0a\x6c\x69\x7a\x1b\x3c\x15\xf6\xa5\x0e\xb3\xb5\x59\x97\
        \x49\xc0\x6c\x6d\xd6\x10\x2e\x98\x6d\xcc\x49\xcc\x30\xdb\x98\x33\x49\x61\xb6\x7a\x5c\
        \x0e\x98\xbd\xcd\x46\x9a\x0b\x66\x6f\xb3\x31\x47\xc2\xec\x32\x93\x0a\x82\xd9\xdb\xbc\
        \x35\x4b\x60\xf6\x36\xdb\x16\xdb\xbd\x77\x73\xf1\x6c\xd7\x17\x66\x6f\xb3\xf9\x2e\x07\
        \xcc\x1e\x33\xd9\xab\x87\xd9\xdb\xbc\x37\xb8\x0b\x83\x49\x7d\xfc\x01\xf6\xef\x0a\x32";
    const RAW: &[u8] =
        b"\x4d\xd3\x3b\x6e\xc4\x30\x0c\x04\xd0\x3e\xa7\xd8\x23\xf0\x2b\x92\x07\x4a\x80\x00\x8b\
        \xe4\xfe\x5d\xa4\x11\x89\xb8\xf3\xb0\xb0\x9e\xe9\xd1\xfb\xfb\xe7\xf3\x45\xaf\xdf\xaf\
        \x17\x7d\xbc\xcf\x73\x14\xd7\x89\x7c\x23\x7b\x6a\x9e\x2c\x37\x8b\x86\xc7\xc9\x7a\xb3\
        \xf2\x8a\x75\xb2\x75\x2e\x2f\x3f\xd9\x6f\xb6\x70\xb6\x93\xd7\xcd\xee\xa6\x7a\x72\xdc\
        \xbc\x54\x5d\x4e\xce\x3e\x9e\x25\xf8\xe4\xfa\xe7\x80\xc7\xed\xcb\x60\xba\xc0\x16\x96\
        \x93\x40\xc8\x4d\x64\x92\x32\x18\xb9\x91\xcc\x94\x0b\x4a\xb6\x99\x64\x24\x9c\xdc\x50\
        \x96\x15\x04\x29\x37\x95\xd5\x96\xc0\xca\x8d\x65\x13\x37\x68\x39\x67\x3d\x64\x0b\x5e\
        \xae\xc7\xc2\x20\x96\x16\xf3\x5a\x52\x20\xcb\x2c\x35\x4c\xf8\x6e\x75\xcc\x29\xac\x30\
        \xcb\x98\x8b\xc8\x61\x96\x31\x57\x54\xc0\x2c\x6d\x16\xf2\x2c\x98\xa5\xcd\xfb\x2d\xc9\
        \x30\x4b\x9b\x45\x38\x14\x66\xc9\x99\xd4\x72\x98\xa5\x1e\x3f\x15\x66\x6d\xb3\x98\x5b\
        \xc2\xac\x6d\x16\x57\x23\x98\x75\xaa\xb0\x58\xe5\x76\x41\x67\x52\x62\x30\x6b\x9b\x25\
        \x82\x17\xcc\x3a\xe6\x74\x4a\x98\x75\xcc\xa5\x44\x30\x6b\x9b\x77\x2e\x81\x59\x73\x26\
        \x99\x06\xb3\xd6\xa3\x78\x30\x5b\x9b\x75\x9f\x1d\x30\x5b\x9b\x55\xc5\x0b\x66\x6b\xf3\
        \xfe\x06\x67\x98\x6d\x0a\x6c\x69\x7a\x1b\x3c\x15\xf6\xa5\x0e\xb3\xb5\x59\x97\x49\xc0\
        \x6c\x6d\xd6\x10\x2e\x98\x6d\xcc\x49\xcc\x30\xdb\x98\x33\x49\x61\xb6\x7a\x5c\x0e\x98\
        \xbd\xcd\x46\x9a\x0b\x66\x6f\xb3\x31\x47\xc2\xec\x32\x93\x0a\x82\xd9\xdb\xbc\x35\x4b\
        \x60\xf6\x36\xdb\x16\xdb\xbd\x77\x73\xf1\x6c\xd7\x17\x66\x6f\xb3\xf9\x2e\x07\xcc\x1e\
        \x33\xd9\xab\x87\xd9\xdb\xbc\x37\xb8\x0b\x83\x49\x7d\xfc\x01";

    #[test]
    fn what_other_programs_packed_is_unpacked() {
        let text: String = (0..60).map(|n| format!("line {} of {}\n", n * 7919, n)).collect();
        assert_eq!(unpack(Packing::Gzip, STORED, 8192).unwrap(), b"no permissions");
        assert_eq!(
            unpack(Packing::Gzip, FIXED, 8192).unwrap(),
            b"no permissions to access the room"
        );
        for (packing, bytes) in
            [(Packing::Gzip, GZIP), (Packing::Deflate, ZLIB), (Packing::Deflate, RAW)]
        {
            let unpacked = unpack(packing, bytes, 8192).unwrap();
            assert_eq!(String::from_utf8(unpacked).unwrap(), text);
            // As far as it came, and as much as is wanted.
            let half = unpack(packing, &bytes[..bytes.len() / 2], 8192).unwrap();
            assert!(!half.is_empty() && text.as_bytes().starts_with(&half));
            assert_eq!(unpack(packing, bytes, 100).unwrap(), &text.as_bytes()[..100]);
        }
    }

    #[test]
    fn what_is_not_packed_is_not_unpacked() {
        assert_eq!(unpack(Packing::Gzip, b"no permissions", 8192), None);
        assert_eq!(Packing::named("br"), None);
        assert_eq!(Packing::named("GZIP"), Some(Packing::Gzip));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_swell(
            bytes in proptest::collection::vec(0_u8..=255, 0..300),
        ) {
            if let Some(out) = unpack(Packing::Deflate, &bytes, 1000) {
                assert!(out.len() <= 1000);
            }
        }
    }
}

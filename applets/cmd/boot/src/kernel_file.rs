//! Kernels as they come in files: plain, packed, self-unpacking, or inside a unified kernel image.

use std::io::{self, Read};

use format::{pe, zboot};

/// More than any kernel has once it is unpacked.
const MOST: u64 = 512 << 20;

/// A kernel and what came with it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    /// The kernel, as the machine takes it.
    pub image: Vec<u8>,
    /// The command line of a unified kernel image.
    pub cmdline: Option<String>,
    /// Its initramfs.
    pub segments: Vec<Vec<u8>>,
}

/// Take the kernel out of a file.
pub fn unwrap(file: &[u8]) -> io::Result<Kernel> {
    if let Some(inner) = zboot::parse(file) {
        return Ok(Kernel { image: unpack(inner.packed)?, ..Kernel::default() });
    }
    // A kernel is such a program itself, but has none of these sections.
    let sections = pe::sections(file).unwrap_or_default();
    let all = |name: &'static [u8]| {
        sections.iter().filter(move |section| section.name() == name).filter_map(|section| section.of_file(file))
    };
    let Some(kernel) = all(b".linux").next() else {
        return Ok(Kernel { image: unpack(file)?, ..Kernel::default() });
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches(['\0', '\n']).to_owned();
    Ok(Kernel {
        image: unwrap(kernel)?.image,
        cmdline: all(b".cmdline").next().map(text),
        segments: all(b".initrd").map(<[u8]>::to_vec).collect(),
    })
}

/// Unpack what is packed; anything else is as it is.
fn unpack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    match bytes {
        [0x1f, 0x8b, ..] => all(flate2::read::GzDecoder::new(bytes)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            all(ruzstd::decoding::StreamingDecoder::new(bytes).map_err(|e| io::Error::other(e.to_string()))?)
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => all(lzma_rust2::XzReader::new(bytes, false)),
        _ => Ok(bytes.to_vec()),
    }
}

fn all(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    reader.take(MOST + 1).read_to_end(&mut unpacked)?;
    if unpacked.len() as u64 > MOST {
        return Err(io::Error::other(format!("it unpacks to more than {} MiB", MOST >> 20)));
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_and_packed() {
        assert_eq!(unwrap(b"a kernel").unwrap().image, b"a kernel");
        assert_eq!(unwrap(&gzip(b"a kernel")).unwrap().image, b"a kernel");
        let mut zboot = vec![0; 64];
        zboot[..8].copy_from_slice(b"MZ\0\0zimg");
        let packed = gzip(b"a kernel");
        zboot[8..12].copy_from_slice(&64_u32.to_le_bytes());
        zboot[12..16].copy_from_slice(&u32::try_from(packed.len()).unwrap().to_le_bytes());
        zboot[24..28].copy_from_slice(b"gzip");
        zboot.extend(packed);
        assert_eq!(unwrap(&zboot).unwrap().image, b"a kernel");
        assert!(unwrap(&gzip(b"a kernel")[..12]).is_err(), "half a file");
    }
}

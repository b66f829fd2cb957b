//! Parts that this program carries, and those that lie beside it on its medium.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::slice;

use format::pe;
use uefi::boot::{self, ScopedProtocol};
use uefi::fs::FileSystem;
use uefi::proto::loaded_image::LoadedImage;
use uefi::{CStr16, cstr16};

use crate::flash;

/// A node's own files, where a person puts them on the boot medium: the last segment.
const NODE: &CStr16 = cstr16!("\\kutties\\node.cpio");

/// The parts of a boot.
pub struct Parts {
    /// The kernel, itself a UEFI program.
    pub kernel: &'static [u8],
    /// Its command line.
    pub cmdline: String,
    /// Archives, in order.
    pub segments: Vec<&'static [u8]>,
}

impl Parts {
    /// Find them; the error is a sentence.
    pub fn find() -> Result<Self, String> {
        let own = boot::open_protocol_exclusive::<LoadedImage>(boot::image_handle()).map_err(|e| told("find myself", &e))?;
        let (base, size) = own.info();
        // SAFETY: the firmware loaded this program there, and keeps it until the kernel takes the machine over.
        let image = unsafe { slice::from_raw_parts(base.cast::<u8>(), size as usize) };
        let sections = pe::sections(image).map_err(|e| e.to_string())?;
        let all = |name: &[u8]| -> Vec<&'static [u8]> {
            sections.iter().filter(|section| section.name() == name).filter_map(|section| section.of_image(image)).collect()
        };
        let one = |name: &[u8]| all(name).first().copied();
        let (kernel, words, mut segments) = match one(flash::SECTION) {
            Some(section) => {
                let flash = flash::read(section)?;
                (flash.kernel, flash.cmdline, flash.segments)
            }
            None => {
                (one(b".linux").ok_or("this program carries no kernel")?, one(b".cmdline").unwrap_or_default(), all(b".initrd"))
            }
        };
        let mut cmdline = String::from_utf8_lossy(words).trim_end_matches(['\0', '\n']).to_string();
        if let Some(more) = options(&own) {
            cmdline.push(' ');
            cmdline.push_str(&more);
        }
        segments.extend(node().map(|bytes| &*bytes.leak()));
        Ok(Self { kernel, cmdline, segments })
    }
}

/// Words that a boot entry or a shell gave along, less the program's own name that a shell puts in front.
fn options(own: &ScopedProtocol<LoadedImage>) -> Option<String> {
    let text = own.load_options_as_cstr16().ok()?.to_string();
    let words = match text.split_once(' ') {
        Some((first, rest)) if first.to_ascii_lowercase().ends_with(".efi") => rest,
        None if text.to_ascii_lowercase().ends_with(".efi") => "",
        _ => &text,
    };
    // Boot entries of some firmware carry data of their own there.
    let words = words.trim();
    (!words.is_empty() && words.chars().all(|c| (' '..='~').contains(&c))).then(|| words.to_string())
}

/// The node's own segment; a medium without one is the usual case, and one without files (network, flash) as well.
fn node() -> Option<Vec<u8>> {
    let medium = boot::get_image_file_system(boot::image_handle()).ok()?;
    FileSystem::new(medium).read(NODE).ok()
}

/// An error of the firmware as a sentence.
pub fn told(doing: &str, error: &uefi::Error) -> String {
    alloc::format!("{doing}: {}", error.status())
}

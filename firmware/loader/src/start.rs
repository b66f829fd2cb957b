//! The program's entry: gather, hand over, start.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use uefi::boot::{self, LoadImageSource};
use uefi::prelude::entry;
use uefi::proto::loaded_image::LoadedImage;
use uefi::{Status, println};

use crate::initrd;
use crate::parts::{Parts, told};

/// Time that a failure's sentence stays on the screen before the firmware boots something else.
const READ: Duration = Duration::from_secs(10);

#[entry]
fn main() -> Status {
    let Err(sentence) = run();
    println!("kutties: {sentence}");
    boot::stall(READ);
    Status::LOAD_ERROR
}

/// A kernel that was started does not come back, unless it found that it can't run.
fn run() -> Result<core::convert::Infallible, String> {
    let parts = Parts::find()?;
    initrd::offer(parts.segments)?;
    let source = LoadImageSource::FromBuffer { buffer: parts.kernel, file_path: None };
    let kernel = boot::load_image(boot::image_handle(), source).map_err(|e| told("load the kernel", &e))?;
    let words: Vec<u16> = parts.cmdline.encode_utf16().chain([0]).collect();
    let words = words.leak();
    {
        let mut image =
            boot::open_protocol_exclusive::<LoadedImage>(kernel).map_err(|e| told("give the kernel its command line", &e))?;
        let bytes = u32::try_from(size_of_val(words)).map_err(|_| String::from("the command line is too long"))?;
        // SAFETY: the words are never freed.
        unsafe { image.set_load_options(words.as_ptr().cast(), bytes) };
    }
    match boot::start_image(kernel) {
        Ok(()) => Err(String::from("the kernel came back")),
        Err(e) => Err(told("start the kernel", &e)),
    }
}

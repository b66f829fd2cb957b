//! Boot code for a BIOS: one sector that loads the stage behind it, and the stage, which loads
//! Linux and its initramfs.
//!
//! The builder takes the ELF sections `.sector` and `.stage` out of this program and fills in where things lie: see `src/disk.rs`
//! of the builder. In assembly, because a BIOS and its calls are 16-bit code.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![cfg_attr(target_os = "none", expect(unsafe_code, reason = "it is assembly"))]

#[cfg(target_os = "none")]
core::arch::global_asm!(include_str!("sector.s"), options(att_syntax));
#[cfg(target_os = "none")]
core::arch::global_asm!(include_str!("stage.s"), options(att_syntax));

#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

/// Cargo builds every member for the machine it runs on; there this is no program.
#[cfg(not(target_os = "none"))]
fn main() {}

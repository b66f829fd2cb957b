//! Kernel modules, and other kernels in the place of this one. One file a command.

mod boot;
mod chosen;
mod insmod;
mod install;
mod kernel_file;
mod kexec;
mod lsmod;
mod modinfo;
mod modprobe;
mod module_file;
mod pxeboot;
mod rmmod;
pub mod update;

use kit::Applet;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[
    boot::BOOT,
    insmod::INSMOD,
    install::INSTALL,
    kexec::KEXEC,
    lsmod::LSMOD,
    modinfo::MODINFO,
    modprobe::MODPROBE,
    pxeboot::PXEBOOT,
    rmmod::RMMOD,
    update::UPDATE,
];

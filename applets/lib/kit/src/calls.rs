//! Table of which applet starts which as a process. One command never uses another in any other
//! way; the applets that PID 1 runs once, while it boots and at its end, are in its own tables of steps.

use std::time::Duration;

use crate::call::{Answer, Call};
use crate::paths;

/// The running program, which is the same whatever lies at its path.
const OWN: &str = "/proc/self/exe";
/// Time that the OCI runtime may take: on a slow machine under load a create takes a second.
const OCI_TIMEOUT: Duration = Duration::from_mins(2);

const fn call(by: &'static str, callee: &'static str, program: &'static str, answer: Answer) -> Call {
    Call { caller: by, callee, program, timeout: None, answer }
}

const fn within(call: Call, timeout: Duration) -> Call {
    Call { timeout: Some(timeout), ..call }
}

/// Fetches a URL; time and length are each caller's.
pub const WGET: Call = call("config, pxeboot, update", "wget", paths::BINARY, Answer::Stream);
/// Gets an address for a network interface; its own option bounds its time.
pub const PXEBOOT_DHCLIENT: Call = call("pxeboot", "dhclient", paths::BINARY, Answer::Status);
/// Tells what lies on block devices.
pub const BOOT_BLKID: Call = within(call("boot", "blkid", paths::BINARY, Answer::Output), Duration::from_mins(2));
/// Loads a file system's module.
pub const BOOT_MODPROBE: Call = within(call("boot", "modprobe", paths::BINARY, Answer::Status), Duration::from_mins(1));
/// Switches the machine off, where a menu says so.
pub const BOOT_POWEROFF: Call = call("boot, pxeboot", "poweroff", paths::BINARY, Answer::Status);
/// Starts the machine again, where a menu says so.
pub const BOOT_REBOOT: Call = call("boot, pxeboot", "reboot", paths::BINARY, Answer::Status);
/// Makes tokens for machines that boot from here, line by line.
pub const NETBOOT_TOKEN: Call = call("netboot", "token", OWN, Answer::Stream);
/// Keeps a lease.
pub const DHCLIENT_KEEP: Call = call("dhclient", "dhclient", OWN, Answer::Service);
/// Makes, changes and deletes containers.
pub const CRI_OCI: Call = within(call("cri", "oci", OWN, Answer::Status), OCI_TIMEOUT);
/// Pulls an image, line by line; it ends when nobody wants the image any more.
pub const CRI_IMAGE: Call = call("cri", "image", OWN, Answer::Stream);
/// Mounts the bundle of Kubernetes.
pub const BUNDLE_MOUNT: Call = within(call("bundle", "mount", paths::BINARY, Answer::Status), Duration::from_mins(2));
/// Reads the bundle ahead.
pub const BUNDLE_BUNDLE: Call = call("bundle", "bundle", paths::BINARY, Answer::Service);
/// Serves the CRI.
pub const INIT_CRI: Call = call("init", "cri", paths::BINARY, Answer::Service);
/// Reads the settings of all sources.
pub const INIT_CONFIG: Call = call("init", "config", paths::BINARY, Answer::Service);
/// Sets the clock.
pub const INIT_NTP: Call = call("init", "ntp", paths::BINARY, Answer::Service);
/// Serves ssh.
pub const INIT_SSHD: Call = call("init", "sshd", paths::BINARY, Answer::Service);
/// Joins a cluster.
pub const INIT_JOIN: Call = call("init", "join", paths::BINARY, Answer::Service);
/// Shares the cluster's address.
pub const INIT_VIP: Call = call("init", "vip", paths::BINARY, Answer::Service);
/// Backs the control plane up.
pub const INIT_BACKUP: Call = call("init", "backup", paths::BINARY, Answer::Service);
/// Restores a control plane.
pub const INIT_RESTORE: Call = call("init", "restore", paths::BINARY, Answer::Service);
/// Gets an address for each network interface.
pub const NETUP_DHCLIENT: Call = call("netup", "dhclient", paths::BINARY, Answer::Service);

/// All of them, by caller.
pub const CALLS: &[Call] = &[
    BOOT_BLKID,
    BOOT_MODPROBE,
    BOOT_POWEROFF,
    BOOT_REBOOT,
    BUNDLE_BUNDLE,
    BUNDLE_MOUNT,
    WGET,
    CRI_IMAGE,
    CRI_OCI,
    DHCLIENT_KEEP,
    INIT_BACKUP,
    INIT_CONFIG,
    INIT_CRI,
    INIT_JOIN,
    INIT_NTP,
    INIT_RESTORE,
    INIT_SSHD,
    INIT_VIP,
    NETBOOT_TOKEN,
    NETUP_DHCLIENT,
    PXEBOOT_DHCLIENT,
];

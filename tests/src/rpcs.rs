//! The runtime's interface as others have it: our description of it is the module's, and a client of the module's calls all of it.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::Duration;

use kit::{Context, Error, Result};
use lab::appliance::Appliance;
use lab::guest::Guest;
use lab::{network, test_image};

use crate::case::{BOTH, Case, Outcome, X86, ensure};
use crate::descriptor;
use crate::world::{JOIN, World};

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "the-descriptor-is-the-modules", boards: X86, run: same },
    Case { name: "every-rpc-with-every-field", boards: BOTH, run: calls },
];

/// The bundle with the client.
pub const CLIENT: &str = "cri-client";
/// Path of the client in the guest.
const PLACE: &str = "/tmp/cri-client";
/// A Go program under emulation, and a pod's life.
const LIMIT: Duration = Duration::from_mins(8);

/// End of a line of the module's descriptor for a field that the interface calls deprecated:
/// clients may still fill it.
const DEPRECATED: &str = " deprecated";
/// A sandbox's profile by the deprecated field: no program runs in a sandbox itself.
const SANDBOX_PROFILE: &str = "field LinuxSandboxSecurityContext.seccomp_profile_path 7 string";

/// Tells if a field may be left out: such fields are skipped when they come.
fn may_be_missing(line: &str) -> bool {
    line.contains("Windows") || line == SANDBOX_PROFILE
}

fn same(_: &mut World, _: &str) -> Outcome {
    let client = firmware::bundle::native(CLIENT).map_err(|e| Error::new(format!("{e:#}")))?.join(CLIENT);
    let theirs = lab::tool::run(&client.to_string_lossy(), &["descriptor"])?;
    let theirs: BTreeSet<&str> = theirs.lines().map(|line| line.strip_suffix(DEPRECATED).unwrap_or(line)).collect();
    let ours = descriptor::lines(&firmware::place::repository().join("applets/node/cri-api/proto/api.proto"))?;
    let ours: BTreeSet<&str> = ours.iter().map(String::as_str).collect();
    ensure(theirs.len() > 500, || format!("the module's descriptor has {} lines", theirs.len()))?;
    let missing: Vec<&&str> = theirs.difference(&ours).filter(|line| !may_be_missing(line)).collect();
    let invented: Vec<&&str> = ours.difference(&theirs).collect();
    ensure(missing.is_empty() && invented.is_empty(), || {
        format!("ours lacks:\n{missing:#?}\nand has beyond the module's:\n{invented:#?}")
    })
}

fn calls(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    send(&node.vm.guest, &Appliance::open(board)?.cri_client(), PLACE)?;
    // A kubelet ends every pod that it does not know.
    node.vm.guest.sh("systemctl stop kubelet")?;
    let output = node.vm.guest.exec_within(&[PLACE, "calls", kit::paths::CRI, test_image::NAME], b"", LIMIT);
    node.vm.guest.sh(&format!("rm {PLACE}; systemctl start kubelet"))?;
    node.wait_ready(plane, JOIN)?;
    let output = output?;
    ensure(output.ok() && output.stdout.ends_with("all is well\n"), || {
        format!("{}{}\n{}", output.stdout, output.stderr, node.service_log("cri"))
    })
}

/// Send a program into the guest over the network: the agent's port is slow for megabytes.
pub fn send(guest: &Guest, program: &Path, to: &str) -> Result<()> {
    let bytes = std::fs::read(program).on("read", program)?;
    let listener = TcpListener::bind((network::ADDRESS, 0)).doing("listen for the guest")?;
    let address = listener.local_addr().doing("listen for the guest")?;
    let length = bytes.len();
    let sender = thread::spawn(move || listener.accept().and_then(|(mut socket, _)| socket.write_all(&bytes)));
    let (host, port) = (address.ip(), address.port());
    guest.sh(&format!("nc {host} {port} </dev/null >{to} && chmod 755 {to} && [ $(wc -c <{to}) = {length} ]"))?;
    sender.join().map_err(|_| Error::new("the sender died"))?.doing("send a program to the guest")
}

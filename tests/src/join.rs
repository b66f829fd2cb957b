//! Ways to join, and not to: bare kubeadm, bad input, a kubelet alone, again after a reboot.

use std::path::PathBuf;
use std::time::Duration;

use kit::{Error, Result};
use lab::appliance::Appliance;
use lab::console::Mark;
use lab::control_plane::ControlPlane;
use lab::segment;
use lab::until;

use crate::case::{BOTH, Case, Failure, Outcome, X86, ensure};
use crate::kube::{delete, field, start};
use crate::world::{BOOT, JOIN, Kind, Node, World};

/// The cases; those on the unjoined machine come first, then it joins.
pub const CASES: &[Case] = &[
    Case { name: "bare-preflight-passes", boards: BOTH, run: preflight },
    Case { name: "join-without-kube-segment", boards: X86, run: no_kube },
    Case { name: "join-with-wrong-token", boards: X86, run: wrong_token },
    Case { name: "join-with-wrong-ca-hash", boards: X86, run: wrong_hash },
    Case { name: "join-to-nobody", boards: X86, run: nobody },
    Case { name: WORKER, boards: X86, run: worker },
    Case { name: "stays-ready-for-ten-minutes", boards: X86, run: stays_ready },
    Case { name: "reboots-and-joins-again", boards: X86, run: rejoins },
];

/// The one case that needs the bundle with the kubelet alone.
pub const WORKER: &str = "kubelet-alone-in-384-mib";

/// The front asks before kubeadm does, which would try for five minutes; a machine that does not answer gets one.
const REFUSAL: Duration = Duration::from_mins(2);

fn preflight(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.node(board, Kind::Unjoined)?;
    let line = plane.join_command();
    let words: Vec<&str> = line.split(' ').skip(2).collect();
    let argv = [&["kubeadm", "join", "phase", "preflight"], words.as_slice()].concat();
    let output = node.vm.guest.exec_within(&argv, b"", JOIN)?;
    ensure(output.ok(), || format!("{}{}", output.stdout, output.stderr))
}

/// Type a join that must be refused with a sentence, after which the shell is there.
fn refused(node: &mut Node, join: &str, sentence: &[&str]) -> Outcome {
    node.vm.console.wait_prompt(Mark::default(), BOOT)?;
    let from = node.vm.console.mark();
    let code = node.vm.type_and_judge(join, REFUSAL)?;
    let said = node.vm.console.since(from).to_lowercase();
    ensure(code != 0, || format!("it ended with 0:\n{said}"))?;
    ensure(sentence.iter().any(|words| said.contains(words)), || format!("none of {sentence:?} in:\n{said}"))?;
    ensure(!said.contains("panic"), || said.clone())?;
    let code = node.vm.type_and_judge("true", Duration::from_secs(30))?;
    ensure(code == 0, || "the shell is gone".into())
}

fn no_kube(world: &mut World, board: &str) -> Outcome {
    let join = format!("kutties {}", world.plane.join_command());
    refused(world.bare(board)?, &join, &["kube segment", "kube-node", "kubeadm"])
}

fn wrong_token(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.node(board, Kind::Unjoined)?;
    let join = format!("kutties {}", plane.join_command()).replace(plane.token(), "abcdef.0123456789abcdef");
    refused(node, &join, &["token"])
}

fn wrong_hash(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.node(board, Kind::Unjoined)?;
    let wrong = format!("sha256:{}", "0".repeat(64));
    let join = format!("kutties {}", plane.join_command()).replace(plane.ca_hash(), &wrong);
    refused(node, &join, &["hash", "public key", "pinned"])
}

fn nobody(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.node(board, Kind::Unjoined)?;
    let join = format!("kutties {}", plane.join_command()).replace(&plane.endpoint(), "10.77.0.1:1");
    refused(node, &join, &["10.77.0.1:1"])
}

/// Boot a machine with a kubelet alone, which joins by the files that it brings along.
pub fn kubelet_alone(
    world: &mut World,
    board: &str,
    kubelet: impl FnOnce(&Appliance) -> PathBuf,
    memory: u32,
) -> kit::Result<Node> {
    let plane = &world.plane;
    let (bootstrap, ca, config) = (plane.bootstrap_kubeconfig()?, plane.ca()?, plane.kubelet_config()?);
    world.boot(board, |appliance, spec| {
        let all = appliance.kube_node();
        spec.segments.retain(|segment| *segment != all);
        spec.segments.push(kubelet(appliance));
        let identity: [(&str, &[u8]); 3] = [
            ("/etc/kubernetes/bootstrap-kubelet.conf", bootstrap.as_bytes()),
            ("/etc/kubernetes/pki/ca.crt", ca.as_bytes()),
            ("/var/lib/kubelet/config.yaml", config.as_bytes()),
        ];
        spec.segments.push(segment::files(&spec.dir.join("identity.cpio"), &identity)?);
        spec.memory = memory;
        Ok(())
    })
}

fn worker(world: &mut World, board: &str) -> Outcome {
    let mut node = kubelet_alone(world, board, Appliance::kube_worker, 384)?;
    node.wait_ready(&world.plane, JOIN)?;
    start(&world.plane, &node, "small", "")?;
    delete(&world.plane, "small")?;
    Ok(())
}

/// In seconds.
const TEN_MINUTES: f64 = 600.0;

/// Since when the node is Ready without a break.
fn ready_since(plane: &ControlPlane, node: &str) -> Result<String> {
    field(
        plane,
        &format!("node/{node}"),
        "{.status.conditions[?(@.type=='Ready')].status} {.status.conditions[?(@.type=='Ready')].lastTransitionTime}",
    )
}

fn stays_ready(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    let first = ready_since(plane, &node.name)?;
    // The warm machine has served the cases so far: only what is missing of ten minutes is waited for.
    until(Duration::from_mins(11), || {
        let now = ready_since(plane, &node.name)?;
        if now != first || !now.starts_with("True") {
            return Ok(Err(Failure::Failed(format!("Ready was {first}, now it is {now}"))));
        }
        let age = age(plane, &node.name)?;
        if age >= TEN_MINUTES { Ok(Ok(())) } else { Err(Error::new(format!("it is Ready for {age:.0} s only"))) }
    })?
}

/// The seconds for which the kubelet's lease has been renewed.
fn age(plane: &ControlPlane, node: &str) -> Result<f64> {
    let since = ready_since(plane, node)?;
    let since = since.split(' ').nth(1).unwrap_or_default().to_owned();
    let seconds = lab::tool::run("date", &["-d", &since, "+%s"])?;
    let now = lab::tool::run("date", &["+%s"])?;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|e| Error::new(format!("read a time: {e}")));
    Ok(number(&now)? - number(&seconds)?)
}

fn rejoins(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.node(board, Kind::Unjoined)?;
    node.join(plane)?;
    node.wait_ready(plane, JOIN)?;
    let boot_id = format!("node/{}", node.name);
    let first = field(plane, &boot_id, "{.status.nodeInfo.bootID}")?;
    let from = node.vm.console.mark();
    node.vm.console.type_line("reboot")?;
    // The dying shell may show its prompt once more, so first comes what the second boot says last.
    let booting = node.vm.console.wait("] consoles: ", from, BOOT)?;
    node.vm.console.wait_prompt(booting, BOOT)?;
    node.vm.wait_agent(BOOT)?;
    let from = node.vm.console.mark();
    let code = node.vm.type_and_judge(&format!("kutties {}", plane.join_command()), JOIN)?;
    let said = node.vm.console.since(from);
    ensure(code == 0, || format!("the second join ended with {code}:\n{said}"))?;
    // The old Node is Ready for forty seconds after its machine has gone; the boot takes less.
    ensure(said.to_lowercase().contains("wait"), || format!("it does not say that it waits for the old Node:\n{said}"))?;
    until(JOIN, || match field(plane, &boot_id, "{.status.nodeInfo.bootID}")? {
        now if now == first => Err(Error::new("the cluster shows the first boot still")),
        _ => Ok(()),
    })?;
    node.wait_ready(plane, JOIN)?;
    start(plane, node, "again", "")?;
    delete(plane, "again")?;
    Ok(())
}

//! Runtime classes that a pod asks for by name, and specifications that are refused with a sentence.

use kit::Error;
use lab::until;

use crate::case::{Outcome, ensure};
use crate::kube::field;
use crate::pods::{clear, manifest, start};
use crate::world::{POD, World};

const CLASSES: &str = "apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: ours}\nhandler: kutties\n---\n\
    apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: nobodys}\nhandler: no-such\n";

pub fn classes(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    plane.apply(CLASSES)?;
    start(plane, node, "classy", "runtimeClassName: ours\ncontainers:\n- {name: probe, image: IMAGE}\n")?;
    plane.apply(&manifest("classless", node, "runtimeClassName: nobodys\ncontainers:\n- {name: probe, image: IMAGE}\n"))?;
    let why = events_until(plane, "classless", "no runtime handler no-such");
    let handlers = field(plane, &format!("node/{}", node.name), "{.status.runtimeHandlers[*].name}")?;
    ensure(handlers.split(' ').any(|name| name == "kutties"), || format!("the node tells of handlers {handlers:?}"))?;
    clear(plane, &["classy", "classless"])?;
    plane.ask(&["delete", "runtimeclass", "ours", "nobodys"])?;
    Ok(why?)
}

/// Wait until an event of the pod says that.
fn events_until(plane: &lab::control_plane::ControlPlane, pod: &str, wanted: &str) -> kit::Result<()> {
    until(POD, || match plane.ask(&["events", "--for", &format!("pod/{pod}")])? {
        said if said.contains(wanted) => Ok(()),
        said => Err(Error::new(format!("its events do not say {wanted:?}:\n{said}"))),
    })
}

/// Specifications of pods, and the words of the refusal.
const REFUSED: &[(&str, &str, &str)] = &[
    ("user-namespace", "hostUsers: false\ncontainers:\n- {name: probe, image: IMAGE}\n", "user namespaces"),
    (
        "apparmor",
        "containers:\n- name: probe\n  image: IMAGE\n  securityContext: {appArmorProfile: {type: Localhost, localhostProfile: none-such}}\n",
        "AppArmor",
    ),
    (
        "seccomp",
        "containers:\n- name: probe\n  image: IMAGE\n  securityContext: {seccompProfile: {type: Localhost, localhostProfile: none-such.json}}\n",
        "none-such.json",
    ),
    ("user-name", "containers:\n- {name: probe, image: IMAGE, command: [/no/such/program]}\n", "no such file"),
];

pub fn all(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    for (name, spec, _) in REFUSED {
        plane.apply(&manifest(name, node, spec))?;
    }
    let mut said = Ok(());
    for (name, _, sentence) in REFUSED {
        said = said.and_then(|()| {
            until(POD, || {
                let events = plane.ask(&["events", "--for", &format!("pod/{name}")])?;
                let status = plane.ask(&["get", "pod", name, "-o", "jsonpath={.status}"])?;
                let all = format!("{events}\n{status}");
                if all.contains(sentence) {
                    Ok(())
                } else {
                    Err(Error::new(format!("{name}: nothing says {sentence:?}:\n{all}")))
                }
            })
        });
    }
    let names: Vec<&str> = REFUSED.iter().map(|(name, ..)| *name).collect();
    clear(plane, &names)?;
    Ok(said?)
}

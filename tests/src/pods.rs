//! Fields of a pod's specification: each case makes a pod or two whose program tells what it sees,
//! and compares.

mod gates;
mod hostile;
mod images;
mod life;
mod limits;
mod places;
pub mod profile;
mod refused;
mod rights;
mod together;

use kit::{Error, Result};
use lab::control_plane::ControlPlane;
use lab::{test_image, until};

use crate::case::{BOTH, Case, Failure, Outcome, X86};
use crate::kube::{delete, wait};
use crate::world::{Node, POD};

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "users-groups-and-capabilities", boards: BOTH, run: rights::identity },
    Case { name: "names-addresses-and-sysctls", boards: X86, run: rights::names },
    Case { name: "limits-are-in-the-cgroup", boards: BOTH, run: limits::at_start },
    Case { name: "limits-change-in-place", boards: X86, run: limits::resize },
    Case { name: "out-of-memory-is-told", boards: BOTH, run: limits::oom },
    Case { name: "volumes-have-their-options", boards: BOTH, run: places::volumes },
    Case { name: "paths-are-masked-and-read-only", boards: X86, run: places::masked },
    Case { name: "an-apparmor-profile-holds", boards: X86, run: profile::apparmor },
    Case { name: "an-image-is-a-volume", boards: BOTH, run: places::image },
    Case { name: "processes-are-shared-and-reaped", boards: BOTH, run: together::processes },
    Case { name: "a-debugger-joins-a-container", boards: X86, run: together::debug },
    Case { name: "the-hosts-namespaces", boards: X86, run: together::host },
    Case { name: "init-and-sidecar-containers", boards: X86, run: life::order },
    Case { name: "hooks-and-probes", boards: BOTH, run: life::probes },
    Case { name: "a-failed-liveness-restarts", boards: X86, run: life::liveness },
    Case { name: "last-words-are-kept", boards: X86, run: life::last_words },
    Case { name: "a-port-of-the-host", boards: BOTH, run: life::host_port },
    Case { name: "runtime-classes", boards: X86, run: refused::classes },
    Case { name: "what-can-not-be-given-is-refused", boards: X86, run: refused::all },
    Case { name: "a-flooded-log-is-cut-and-its-pod-lives", boards: X86, run: hostile::log },
    Case { name: "a-full-root-is-full-for-its-container-alone", boards: X86, run: hostile::root },
    Case { name: "hostile-pods-disturb-nobody", boards: X86, run: hostile::minute },
    Case { name: "an-images-volumes-are-writable", boards: X86, run: images::volumes },
    Case { name: "layers-and-users-in-odd-forms", boards: X86, run: images::layers },
    Case { name: "an-image-by-sha512", boards: X86, run: images::digest },
    Case { name: "an-image-without-layers", boards: X86, run: images::nothing },
    Case { name: "numbers-of-no-user-are-refused", boards: X86, run: images::numbers },
    Case { name: "an-image-names-nothing-of-the-node", boards: X86, run: images::out },
    Case { name: "execs-that-talk-or-leave-children", boards: X86, run: images::talk },
    Case { name: "a-kubelet-with-the-newer-gates", boards: X86, run: gates::newer },
];

/// Those of `make soak`.
pub const LONG_CASES: &[Case] =
    &[Case { name: "hostile-pods-disturb-nobody-for-ten-minutes", boards: X86, run: hostile::ten_minutes }];

/// A pod on that node; `spec` is the rest of its specification, as YAML that begins at the left.
fn manifest(name: &str, node: &Node, spec: &str) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  nodeName: {}\n  terminationGracePeriodSeconds: 5\n",
        node.name
    );
    for line in spec.replace("IMAGE", test_image::NAME).lines() {
        text.push_str("  ");
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// Apply a pod and wait until it is Ready.
fn start(plane: &ControlPlane, node: &Node, name: &str, spec: &str) -> Result<()> {
    plane.apply(&manifest(name, node, spec))?;
    wait(plane, node, name, "Ready")
}

/// Apply a pod whose containers end by themselves, and wait until all have ended with 0.
fn finish(plane: &ControlPlane, node: &Node, name: &str, spec: &str) -> Result<()> {
    plane.apply(&manifest(name, node, &format!("restartPolicy: Never\n{spec}")))?;
    wait(plane, node, name, "jsonpath={.status.phase}=Succeeded").map_err(|e| {
        let logs = plane.ask(&["logs", name, "--all-containers", "--prefix"]).unwrap_or_default();
        Error::new(format!("{e}\n{logs}"))
    })
}

/// Output of a container's program.
struct Seen {
    name: String,
    text: String,
}

impl Seen {
    /// The log of a container that has said all.
    fn of(plane: &ControlPlane, pod: &str, container: &str) -> Result<Self> {
        let text = until(POD, || match plane.ask(&["logs", pod, "-c", container])? {
            text if text.is_empty() => Err(Error::new("no log yet")),
            text => Ok(text),
        })?;
        Ok(Self { name: format!("{pod}/{container}"), text })
    }

    /// The value of a line `NAME: VALUE`.
    fn value(&self, name: &str) -> Option<&str> {
        self.text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// It saw just that.
    fn is(&self, name: &str, wanted: &str) -> Outcome {
        match self.value(name) {
            Some(value) if value == wanted => Ok(()),
            other => Err(self.odd(&format!("{name} is {other:?}, not {wanted:?}"))),
        }
    }

    /// It saw all these words, in any order.
    fn has(&self, name: &str, wanted: &[&str]) -> Outcome {
        let value = self.value(name).unwrap_or_default();
        let words: Vec<&str> = value.split([' ', ',']).collect();
        match wanted.iter().find(|word| !words.contains(word)) {
            None => Ok(()),
            Some(word) => Err(self.odd(&format!("{name} is {value:?}, without {word}"))),
        }
    }

    /// Some line holds that.
    fn says(&self, wanted: &str) -> Outcome {
        if self.text.contains(wanted) { Ok(()) } else { Err(self.odd(&format!("nothing says {wanted:?}"))) }
    }

    fn odd(&self, what: &str) -> Failure {
        Failure::Failed(format!("{}: {what}\n{}", self.name, self.text))
    }
}

/// Delete pods, all at once.
fn clear(plane: &ControlPlane, names: &[&str]) -> Outcome {
    for name in names {
        delete(plane, name)?;
    }
    Ok(())
}

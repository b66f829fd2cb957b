//! A pod's life: the order of its containers, hooks and probes, last words, a port of the host.

use std::io::{Read, Write};
use std::net::TcpStream;

use kit::{Context, Error};
use lab::until;

use crate::case::{Outcome, ensure};
use crate::kube::{field, wait};
use crate::pods::{Seen, clear, finish, manifest, start};
use crate::world::{POD, World};

const ORDER: &str = "volumes: [{name: v, emptyDir: {}}]
initContainers:
- name: sidecar
  image: IMAGE
  restartPolicy: Always
  startupProbe: {exec: {command: [/bin/probe, write, /v/order, started]}, periodSeconds: 1, timeoutSeconds: 20}
  volumeMounts: [{name: v, mountPath: /v}]
- {name: second, image: IMAGE, args: [write, /v/order, second], volumeMounts: [{name: v, mountPath: /v}]}
containers:
- {name: main, image: IMAGE, args: [show, /v/order], volumeMounts: [{name: v, mountPath: /v}]}
";

pub fn order(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    finish(plane, node, "order", ORDER)?;
    let main = Seen::of(plane, "order", "main")?;
    let told: Vec<&str> = main.text.lines().filter_map(|line| line.strip_prefix("/v/order| ")).collect();
    ensure(told.first() == Some(&"started") && told.contains(&"second"), || format!("the order was {told:?}"))?;
    // The sidecar was asked to end after the main container, and did so by itself.
    let code = field(plane, "pod/order", "{.status.initContainerStatuses[?(@.name=='sidecar')].state.terminated.exitCode}")?;
    ensure(code == "0", || format!("the sidecar's exit code is {code:?}"))?;
    clear(plane, &["order"])
}

const PROBED: &str = "volumes: [{name: v, hostPath: {path: /run/pods-hooks, type: DirectoryOrCreate}}]
containers:
- name: http
  image: IMAGE
  args: [serve, '8080']
  lifecycle:
    postStart: {exec: {command: [/bin/probe, write, /v/hooks, begun]}}
    preStop: {exec: {command: [/bin/probe, write, /v/hooks, ending]}}
  volumeMounts: [{name: v, mountPath: /v}]
  startupProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1, failureThreshold: 60}
  readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
- name: grpc
  image: IMAGE
  args: [serve, '8081']
  readinessProbe: {grpc: {port: 8081}, periodSeconds: 1, timeoutSeconds: 20}
- name: exec
  image: IMAGE
  volumeMounts: [{name: v, mountPath: /v}]
  readinessProbe: {exec: {command: [/bin/probe, holds, /v/hooks, begun]}, periodSeconds: 1, timeoutSeconds: 20}
";

pub fn probes(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    // The hook is to end in peace on a busy machine.
    let grace = "terminationGracePeriodSeconds";
    plane.apply(&manifest("probed", node, PROBED).replace(&format!("{grace}: 5"), &format!("{grace}: 60")))?;
    wait(plane, node, "probed", "Ready")?;
    clear(plane, &["probed"])?;
    let hooks = node.vm.guest.sh("cat /run/pods-hooks/hooks; rm -r /run/pods-hooks")?;
    ensure(hooks == "begun\nending\n", || format!("the hooks wrote {hooks:?}"))
}

const SICK: &str = "containers:
- name: sick
  image: IMAGE
  livenessProbe: {exec: {command: [/bin/probe, exit, '3']}, periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 20}
";

pub fn liveness(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    plane.apply(&manifest("sick", node, SICK))?;
    until(POD, || match field(plane, "pod/sick", "{.status.containerStatuses[0].restartCount}")?.parse::<u32>() {
        Ok(1..) => Ok(()),
        count => Err(Error::new(format!("its restart count is {count:?}"))),
    })?;
    let code = field(plane, "pod/sick", "{.status.containerStatuses[0].lastState.terminated.exitCode}")?;
    // It ends in order when it is asked to.
    ensure(code == "0", || format!("its exit code was {code}"))?;
    clear(plane, &["sick"])
}

const WORDS: &str = "restartPolicy: Never
containers:
- {name: file, image: IMAGE, args: [write, /dev/termination-log, 'by file']}
- {name: other, image: IMAGE, args: [write, /words, 'elsewhere'], terminationMessagePath: /words}
- {name: log, image: IMAGE, args: [holds, /nowhere, x], terminationMessagePolicy: FallbackToLogsOnError}
";

pub fn last_words(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    plane.apply(&manifest("words", node, WORDS))?;
    wait(plane, node, "words", "jsonpath={.status.phase}=Failed")?;
    let said = |name: &str| {
        field(plane, "pod/words", &format!("{{.status.containerStatuses[?(@.name=='{name}')].state.terminated.message}}"))
    };
    for (name, wanted) in [("file", "by file"), ("other", "elsewhere"), ("log", "No such file")] {
        let words = said(name)?;
        ensure(words.contains(wanted), || format!("the last words of {name} are {words:?}"))?;
    }
    clear(plane, &["words"])
}

const SERVED: &str = "containers:
- name: served
  image: IMAGE
  args: [serve, '8080']
  ports: [{containerPort: 8080, hostPort: 18080}]
  readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
";

pub fn host_port(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start(plane, node, "served", SERVED)?;
    let address = (node.seat.address, 18080);
    let said = until(POD, || {
        let mut socket = TcpStream::connect(address).doing("connect to the host's port")?;
        socket.write_all(b"GET / HTTP/1.0\r\n\r\n").doing("ask at the host's port")?;
        let mut said = String::new();
        socket.read_to_string(&mut said).doing("hear from the host's port")?;
        Ok(said)
    })?;
    ensure(said.ends_with("served"), || format!("the host's port answers {said:?}"))?;
    // From the node itself as well, by its loopback.
    let local = node.vm.guest.sh("wget -q -O - http://127.0.0.1:18080/")?;
    ensure(local == "served", || format!("the loopback's port answers {local:?}"))?;
    clear(plane, &["served"])?;
    ensure(TcpStream::connect(address).is_err(), || "the port leads somewhere after the pod's end".into())
}

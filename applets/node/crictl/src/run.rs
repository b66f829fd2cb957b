//! `kutties run`: a pod of one container, as users of `docker run` and `podman run` expect it.
//!
//! ```text
//! kutties run --rm -it docker.io/library/alpine:3 sh
//! kutties run -d --name web -p 8080:80 -v /srv:/usr/share/nginx/html:ro docker.io/library/nginx
//! ```
//!
//! The kubelet does not see such a pod, so it does not end it (see `filter::OF_A_PERSON`). What it writes is in its log as well:
//! `crictl logs`.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result};

use super::stream::{Wanted, talk_after};
use super::{OWN, Runtime, Server, ask, told};
use cri_api::OF_A_PERSON;
use cri_api::{
    AttachRequest, ContainerConfig, ContainerMetadata, ContainerState, ContainerStatusRequest, CreateContainerRequest, ImageSpec,
    ImageStatusRequest, Int64Value, KeyValue, LinuxContainerConfig, LinuxContainerResources, LinuxContainerSecurityContext,
    LinuxPodSandboxConfig, LinuxSandboxSecurityContext, Mount, NamespaceMode, NamespaceOption, PodSandboxConfig,
    PodSandboxMetadata, PortMapping, Protocol, PullImageRequest, RemovePodSandboxRequest, RunPodSandboxRequest,
    StartContainerRequest, StopPodSandboxRequest,
};

/// The applet.
pub const RUN: Applet = Applet { name: "run", about: "run an image as a pod of one container", place: Place::Node, run };

/// Between two looks whether the container has ended; its output's end comes a moment before.
const LOOK_DELAY: Duration = Duration::from_millis(50);
/// Directory of the logs; each pod has one of its own below.
const LOGS: &str = "/var/log/pods";
/// The container's name in its pod.
const CONTAINER: &str = "main";
/// The namespace, which no cluster knows.
const NAMESPACE: &str = "run";

#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    server: Server,
    /// Print the pod's id and leave it running
    #[arg(long, short, conflicts_with_all = ["interactive", "tty", "rm"])]
    detach: bool,
    /// Let the program read the standard input
    #[arg(long, short)]
    interactive: bool,
    /// Give the program a terminal; ^P ^Q leaves it alone
    #[arg(long, short)]
    tty: bool,
    /// Remove the pod when the program has ended
    #[arg(long)]
    rm: bool,
    /// Name of the pod; one is made up otherwise
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Host name in the pod; its name otherwise
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// Environment variable; without a value the one of this shell
    #[arg(long, short, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Directory or file of this machine to show in the container
    #[arg(long, short, value_name = "PATH:PATH[:ro]", value_parser = volume)]
    volume: Vec<Mount>,
    /// Port of this machine that leads to one of the pod
    #[arg(long, short, value_name = "[IP:]PORT:PORT[/udp]", value_parser = port)]
    publish: Vec<PortMapping>,
    /// Directory to begin in
    #[arg(long, short, value_name = "PATH", default_value = "")]
    workdir: String,
    /// User, by name or number
    #[arg(long, short, value_name = "USER", default_value = "")]
    user: String,
    /// Program instead of the image's
    #[arg(long, value_name = "PROGRAM")]
    entrypoint: Option<String>,
    /// Limit of memory in bytes, or with k, m, g
    #[arg(long, short, value_name = "BYTES", value_parser = memory)]
    memory: Option<i64>,
    /// Network: of the pod's own, or the machine's
    #[arg(long, value_name = "pod|host", default_value = "pod", value_parser = ["pod", "host"])]
    network: String,
    /// Everything of the machine may be used
    #[arg(long)]
    privileged: bool,
    /// The root directory can't be written to
    #[arg(long)]
    read_only: bool,
    /// The image's name
    image: String,
    /// Arguments instead of the image's
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&RUN, args)?;
    check(&options)?;
    let made = ask(make(&options))?;
    if options.detach {
        ask(start(&options.server, &made.container))?;
        let mut out = kit::out();
        writeln!(out, "{}", made.pod).and_then(|()| out.flush()).doing("print the pod's id")?;
        return Ok(Exit::OK);
    }
    let wanted = Wanted { stdin: options.interactive, tty: options.tty, leaves: true };
    let ended = talk_after(&made.url, wanted, || ask(start(&options.server, &made.container)));
    let code = ended.and_then(|_| ask(exit_code(&options.server, &made.container)));
    if options.rm && !matches!(code, Ok(None)) {
        ask(remove(&options.server, &made.pod))?;
    }
    code.map(|code| code.unwrap_or(Exit::OK))
}

/// Refuse options that a pod on the machine's own network can't have.
fn check(options: &Options) -> Result<()> {
    if options.network == "host" && (options.hostname.is_some() || !options.publish.is_empty()) {
        return Err(Error::usage("--hostname and --publish need a network of the pod's own: leave --network=host out"));
    }
    Ok(())
}

/// A pod and its container, which does not run yet.
struct Made {
    pod: String,
    container: String,
    /// URL of its streams; empty for a detached one.
    url: String,
}

/// Make the pod and its container. What can't be completed is removed.
async fn make(options: &Options) -> Result<Made> {
    let (mut runtime, mut images) = options.server.connect_both().await?;
    let image = Some(ImageSpec { image: options.image.clone(), ..ImageSpec::default() });
    let status = ImageStatusRequest { image: image.clone(), verbose: false };
    if images.image_status(status).await.map_err(told)?.into_inner().image.is_none() {
        say(&format!("fetching {}", options.image));
        images.pull_image(PullImageRequest { image, ..PullImageRequest::default() }).await.map_err(told)?;
    }
    let config = sandbox(options)?;
    // The kubelet's part, as far as the interface goes.
    std::fs::create_dir_all(&config.log_directory).on("make", &config.log_directory)?;
    let request = RunPodSandboxRequest { config: Some(config.clone()), runtime_handler: String::new() };
    let pod = runtime.run_pod_sandbox(request).await.map_err(told)?.into_inner().pod_sandbox_id;
    match container(options, &mut runtime, &pod, config).await {
        Ok((container, url)) => Ok(Made { pod, container, url }),
        Err(e) => {
            // Its own error is what the person wants to know.
            let _ = end(&mut runtime, &pod).await;
            Err(e)
        }
    }
}

async fn container(options: &Options, runtime: &mut Runtime, pod: &str, sandbox: PodSandboxConfig) -> Result<(String, String)> {
    let request = CreateContainerRequest {
        pod_sandbox_id: pod.to_owned(),
        config: Some(container_config(options)?),
        sandbox_config: Some(sandbox),
    };
    let id = runtime.create_container(request).await.map_err(told)?.into_inner().container_id;
    if options.detach {
        return Ok((id, String::new()));
    }
    let (stdin, tty) = (options.interactive, options.tty);
    let request = AttachRequest { container_id: id.clone(), stdin, tty, stdout: true, stderr: !tty };
    let url = runtime.attach(request).await.map_err(told)?.into_inner().url;
    Ok((id, url))
}

fn sandbox(options: &Options) -> Result<PodSandboxConfig> {
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty()).doing("make up a name")?;
    let uid = format!("{:016x}", u64::from_ne_bytes(random));
    let name = options.name.clone().unwrap_or_else(|| format!("run-{}", &uid[..8]));
    let network = if options.network == "host" { NamespaceMode::Node } else { NamespaceMode::Pod };
    let security = LinuxSandboxSecurityContext {
        namespace_options: Some(namespaces(network)),
        privileged: options.privileged,
        ..LinuxSandboxSecurityContext::default()
    };
    Ok(PodSandboxConfig {
        hostname: if network == NamespaceMode::Node {
            String::new()
        } else {
            options.hostname.clone().unwrap_or_else(|| name.clone())
        },
        log_directory: format!("{LOGS}/{NAMESPACE}_{name}_{uid}"),
        metadata: Some(PodSandboxMetadata { name, uid, namespace: NAMESPACE.into(), attempt: 0 }),
        port_mappings: options.publish.clone(),
        labels: [(OF_A_PERSON.to_owned(), OWN.to_owned())].into(),
        linux: Some(LinuxPodSandboxConfig { security_context: Some(security), ..LinuxPodSandboxConfig::default() }),
        ..PodSandboxConfig::default()
    })
}

fn namespaces(network: NamespaceMode) -> NamespaceOption {
    NamespaceOption { network: network.into(), pid: NamespaceMode::Container.into(), ..NamespaceOption::default() }
}

fn container_config(options: &Options) -> Result<ContainerConfig> {
    let network = if options.network == "host" { NamespaceMode::Node } else { NamespaceMode::Pod };
    let number = options.user.parse::<i64>().ok();
    let security = LinuxContainerSecurityContext {
        namespace_options: Some(namespaces(network)),
        privileged: options.privileged,
        readonly_rootfs: options.read_only,
        run_as_user: number.map(|value| Int64Value { value }),
        run_as_username: if number.is_some() { String::new() } else { options.user.clone() },
        ..LinuxContainerSecurityContext::default()
    };
    let resources = LinuxContainerResources {
        memory_limit_in_bytes: options.memory.unwrap_or_default(),
        ..LinuxContainerResources::default()
    };
    Ok(ContainerConfig {
        metadata: Some(ContainerMetadata { name: CONTAINER.into(), attempt: 0 }),
        image: Some(ImageSpec { image: options.image.clone(), ..ImageSpec::default() }),
        command: options.entrypoint.iter().cloned().collect(),
        args: options.command.clone(),
        working_dir: options.workdir.clone(),
        envs: options.env.iter().map(|text| variable(text)).collect::<Result<_>>()?,
        mounts: options.volume.clone(),
        labels: [(OF_A_PERSON.to_owned(), OWN.to_owned())].into(),
        log_path: format!("{CONTAINER}.log"),
        stdin: options.interactive,
        stdin_once: options.interactive,
        tty: options.tty,
        linux: Some(LinuxContainerConfig { resources: Some(resources), security_context: Some(security) }),
        ..ContainerConfig::default()
    })
}

async fn start(server: &Server, container: &str) -> Result<()> {
    let request = StartContainerRequest { container_id: container.to_owned() };
    server.connect().await?.start_container(request).await.map_err(told).map(drop)
}

/// The exit code of a container whose output has ended; none while it runs because the person has left it alone.
async fn exit_code(server: &Server, container: &str) -> Result<Option<Exit>> {
    let mut runtime = server.connect().await?;
    // A program may close its output and go on: it is left alone then.
    for _ in 0..20 {
        let request = ContainerStatusRequest { container_id: container.to_owned(), verbose: false };
        let status = runtime.container_status(request).await.map_err(told)?.into_inner().status.unwrap_or_default();
        if status.state() == ContainerState::ContainerExited {
            return Ok(Some(Exit(u8::try_from(status.exit_code).unwrap_or(u8::MAX))));
        }
        tokio::time::sleep(LOOK_DELAY).await;
    }
    Ok(None)
}

async fn remove(server: &Server, pod: &str) -> Result<()> {
    end(&mut server.connect().await?, pod).await
}

async fn end(runtime: &mut Runtime, pod: &str) -> Result<()> {
    runtime.stop_pod_sandbox(StopPodSandboxRequest { pod_sandbox_id: pod.to_owned() }).await.map_err(told)?;
    runtime.remove_pod_sandbox(RemovePodSandboxRequest { pod_sandbox_id: pod.to_owned() }).await.map_err(told).map(drop)
}

/// `NAME=VALUE`, or a name whose value is this process's.
fn variable(text: &str) -> Result<KeyValue> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, value.as_bytes().to_vec()),
        None => (text, std::env::var_os(text).map(OsString::into_encoded_bytes).unwrap_or_default()),
    };
    if key.is_empty() {
        return Err(Error::usage(format!("{text:?}: an environment variable has a name")));
    }
    Ok(KeyValue { key: key.to_owned(), value })
}

/// `PATH:PATH[:ro|rw]`
fn volume(text: &str) -> Result<Mount, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let (host, container, readonly) = match parts.as_slice() {
        [host, container] | [host, container, "rw"] => (*host, *container, false),
        [host, container, "ro"] => (*host, *container, true),
        _ => return Err("a volume is PATH:PATH, or PATH:PATH:ro".into()),
    };
    if !Path::new(host).is_absolute() || !Path::new(container).is_absolute() {
        return Err(format!("{text}: both paths begin with a slash; there are no volumes with names"));
    }
    Ok(Mount { container_path: container.into(), host_path: host.into(), readonly, ..Mount::default() })
}

/// `[IP:]PORT:PORT[/tcp|/udp|/sctp]`
fn port(text: &str) -> Result<PortMapping, String> {
    let wrong = || "a port is PORT:PORT, IP:PORT:PORT or PORT:PORT/udp".to_owned();
    let (ports, protocol) = match text.split_once('/') {
        None | Some((_, "tcp")) => (text.trim_end_matches("/tcp"), Protocol::Tcp),
        Some((ports, "udp")) => (ports, Protocol::Udp),
        Some((ports, "sctp")) => (ports, Protocol::Sctp),
        Some(_) => return Err(wrong()),
    };
    let (rest, container) = ports.rsplit_once(':').ok_or_else(wrong)?;
    let (host_ip, host) = rest.rsplit_once(':').unwrap_or(("", rest));
    let address = host_ip.trim_start_matches('[').trim_end_matches(']');
    if !address.is_empty() && address.parse::<std::net::IpAddr>().is_err() {
        return Err(wrong());
    }
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong);
    let (host_port, container_port) = (number(host)?.into(), number(container)?.into());
    Ok(PortMapping { protocol: protocol.into(), container_port, host_port, host_ip: address.into() })
}

/// Bytes, with k, m or g for powers of 1024.
fn memory(text: &str) -> Result<i64, String> {
    let lower = text.to_lowercase();
    let (digits, shift) = match lower.trim_end_matches('b').chars().next_back() {
        Some('k') => (lower.trim_end_matches('b').trim_end_matches('k'), 10),
        Some('m') => (lower.trim_end_matches('b').trim_end_matches('m'), 20),
        Some('g') => (lower.trim_end_matches('b').trim_end_matches('g'), 30),
        _ => (lower.trim_end_matches('b'), 0),
    };
    let bytes = digits.parse::<i64>().ok().and_then(|number| number.checked_mul(1 << shift)).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| format!("{text} is no size such as 64m"))
}

/// A line of progress, beside the program's own output.
fn say(line: &str) {
    // A closed standard error stops nothing.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn ports_are_read() {
        let read =
            |text: &str| port(text).map(|port| (port.host_ip.clone(), port.host_port, port.container_port, port.protocol())).ok();
        assert_eq!(read("8080:80"), Some((String::new(), 8080, 80, Protocol::Tcp)));
        assert_eq!(read("53:53/udp"), Some((String::new(), 53, 53, Protocol::Udp)));
        assert_eq!(read("127.0.0.1:1:2/tcp"), Some(("127.0.0.1".into(), 1, 2, Protocol::Tcp)));
        assert_eq!(read("[::1]:1:2"), Some(("::1".into(), 1, 2, Protocol::Tcp)));
        for wrong in ["80", "0:80", "80:70000", "a:b", "x:1:2", "1:2/xyz", ""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_machines_network_has_its_own_name_and_ports() {
        let tried = |words: &[&str]| check(&Options::try_parse_from([&["run"], words].concat()).unwrap()).is_ok();
        assert!(tried(&["--network=host", "image"]) && tried(&["--hostname=a", "-p", "1:2", "image"]));
        assert!(!tried(&["--network=host", "--hostname=a", "image"]) && !tried(&["--network=host", "-p", "1:2", "image"]));
    }

    #[test]
    fn volumes_are_read() {
        let read = |text: &str| volume(text).map(|mount| (mount.host_path, mount.container_path, mount.readonly)).ok();
        assert_eq!(read("/a:/b"), Some(("/a".into(), "/b".into(), false)));
        assert_eq!(read("/a:/b:ro"), Some(("/a".into(), "/b".into(), true)));
        for wrong in ["/a", "name:/b", "/a:b", "/a:/b:z", ""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_read() {
        assert_eq!((memory("64m"), memory("1gb"), memory("4096")), (Ok(64 << 20), Ok(1 << 30), Ok(4096)));
        for wrong in ["", "m", "-1", "0", "9999999999g", "1x"] {
            assert!(memory(wrong).is_err(), "{wrong}");
        }
    }
}

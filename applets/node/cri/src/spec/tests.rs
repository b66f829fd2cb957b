#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use std::fs;

use super::user::User;
use super::*;
use crate::store::Sandbox;
use cri_api::{
    Capability, ContainerConfig, Int64Value, KeyValue, LinuxContainerConfig, LinuxContainerResources, LinuxPodSandboxConfig,
    LinuxSandboxSecurityContext, Mount, MountPropagation, NamespaceMode, NamespaceOption, PodSandboxConfig, SecurityProfile,
    SupplementalGroupsPolicy,
};
use image::Image;
use std::path::{Path, PathBuf};

const IMAGE: &str = r#"{
    "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] },
    "config": { "Entrypoint": ["/entry"], "Cmd": ["a", "b"], "Env": ["A=image", "PATH=/x"], "WorkingDir": "/work" }
}"#;

fn namespaces(pid: NamespaceMode) -> NamespaceOption {
    NamespaceOption { pid: pid.into(), ..NamespaceOption::default() }
}

fn sandbox() -> Sandbox {
    let context = LinuxSandboxSecurityContext {
        namespace_options: Some(namespaces(NamespaceMode::Container)),
        ..LinuxSandboxSecurityContext::default()
    };
    let linux = LinuxPodSandboxConfig { security_context: Some(context), ..LinuxPodSandboxConfig::default() };
    let config = PodSandboxConfig { hostname: "web-0".into(), linux: Some(linux), ..PodSandboxConfig::default() };
    Sandbox { id: "5b".into(), config, ..Sandbox::default() }
}

fn security(change: impl FnOnce(&mut LinuxContainerSecurityContext)) -> ContainerConfig {
    let mut context = LinuxContainerSecurityContext {
        namespace_options: Some(namespaces(NamespaceMode::Container)),
        ..LinuxContainerSecurityContext::default()
    };
    change(&mut context);
    let linux = LinuxContainerConfig { security_context: Some(context), ..LinuxContainerConfig::default() };
    ContainerConfig { linux: Some(linux), ..ContainerConfig::default() }
}

fn made(sandbox: &Sandbox, config: &ContainerConfig) -> Result<Value> {
    made_with(sandbox, config, &[])
}

fn made_with(sandbox: &Sandbox, config: &ContainerConfig, volumes: &[Option<PathBuf>]) -> Result<Value> {
    let image = Image {
        id: "sha256:1".into(),
        tags: Vec::new(),
        digests: Vec::new(),
        size: 0,
        pinned: false,
        config: serde_json::from_str(IMAGE).unwrap(),
        layers: Vec::new(),
    };
    let user = User { uid: 7, gid: 8, groups: vec![8, 9], home: None };
    build(&Input {
        sandbox,
        dir: Path::new("/run/kutties/pods/5b"),
        config,
        image: &image,
        rootfs: "/var/lib/kutties/containers/c/rootfs".into(),
        user: &user,
        cgroup: "/kubepods/podX/c",
        target: None,
        volumes,
        image_volumes: &[],
    })
}

fn mount(place: &str) -> Mount {
    Mount { container_path: place.into(), host_path: "/tmp".into(), ..Mount::default() }
}

fn places(spec: &Value) -> Vec<&str> {
    spec["mounts"].as_array().unwrap().iter().map(|mount| mount["destination"].as_str().unwrap()).collect()
}

#[test]
fn commands_and_arguments_follow_kubernetes_rule() {
    let mut config = security(|_| {});
    let args = |config: &ContainerConfig| made(&sandbox(), config).unwrap()["process"]["args"].clone();
    assert_eq!(args(&config), json!(["/entry", "a", "b"]));
    config.args = vec!["c".into()];
    assert_eq!(args(&config), json!(["/entry", "c"]));
    config.command = vec!["/sh".into()];
    assert_eq!(args(&config), json!(["/sh", "c"]));
    config.args.clear();
    assert_eq!(args(&config), json!(["/sh"]));
}

#[test]
fn the_later_variable_wins() {
    let mut config = security(|_| {});
    config.envs = vec![KeyValue { key: "A".into(), value: b"pod=1".into() }];
    let spec = made(&sandbox(), &config).unwrap();
    assert_eq!(spec["process"]["env"], json!(["PATH=/x", "HOSTNAME=web-0", "A=pod=1"]));
    assert_eq!(spec["process"]["cwd"], "/work");
    config.envs[0].value = vec![0xff];
    assert!(made(&sandbox(), &config).is_err());
}

#[test]
fn no_new_privileges_is_said_only_when_true() {
    let spec = made(&sandbox(), &security(|_| {})).unwrap();
    assert!(spec["process"].get("noNewPrivileges").is_none());
    let spec = made(&sandbox(), &security(|context| context.no_new_privs = true)).unwrap();
    assert_eq!(spec["process"]["noNewPrivileges"], true);
}

#[test]
fn capabilities_are_added_and_dropped_by_name_and_all() {
    let sets = |add: &[&str], drop: &[&str]| {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let asked = Capability { add_capabilities: own(add), drop_capabilities: own(drop), ..Capability::default() };
        let config = security(|context| context.capabilities = Some(asked));
        made(&sandbox(), &config).map(|spec| spec["process"]["capabilities"]["effective"].clone())
    };
    assert_eq!(sets(&[], &[]).unwrap().as_array().unwrap().len(), 14);
    assert_eq!(sets(&["NET_ADMIN"], &["ALL"]).unwrap(), json!(["CAP_NET_ADMIN"]));
    assert_eq!(sets(&["ALL"], &["cap_sys_admin"]).unwrap().as_array().unwrap().len(), 40);
    assert!(sets(&["NOT_ONE"], &[]).is_err());
}

#[test]
fn mounts_that_lie_in_others_come_later_and_replace_ours() {
    let mut config = security(|_| {});
    config.mounts = vec![mount("/data/deep/er"), mount("/etc/hosts"), mount("/data/")];
    let spec = made(&sandbox(), &config).unwrap();
    let places = places(&spec);
    assert_eq!(places.iter().filter(|place| **place == "/etc/hosts").count(), 1);
    let at = |place| places.iter().position(|p| *p == place).unwrap();
    assert!(at("/data") < at("/data/deep/er") && at("/dev") < at("/dev/shm"));
    assert_eq!(spec["linux"]["rootfsPropagation"], "private");
    config.mounts[0].propagation = MountPropagation::PropagationBidirectional.into();
    assert_eq!(mounts::propagation(&config.mounts), "rshared");
}

#[test]
fn a_mount_at_dev_brings_what_lies_below_it() {
    let mut config = security(|_| {});
    for at_dev in ["/dev", "/dev/", "//dev/.", "/x/../dev"] {
        config.mounts = vec![mount(at_dev), mount("/dev/termination-log")];
        let spec = made(&sandbox(), &config).unwrap();
        let below: Vec<_> = places(&spec).into_iter().filter(|place| Path::new(place).starts_with("/dev")).collect();
        assert_eq!(below, ["/dev", "/dev/termination-log"], "{at_dev}");
    }
    config.mounts = vec![mount("/dev/shm"), mount("/device")];
    let spec = made(&sandbox(), &config).unwrap();
    let count = |place: &str| places(&spec).iter().filter(|it| **it == place).count();
    assert_eq!((count("/dev"), count("/dev/pts"), count("/dev/mqueue"), count("/dev/shm")), (1, 1, 1, 1));
}

#[test]
fn what_is_not_implemented_is_refused() {
    let refused = |change: &dyn Fn(&mut Mount)| {
        let mut config = security(|_| {});
        config.mounts = vec![mount("/x")];
        change(&mut config.mounts[0]);
        made(&sandbox(), &config).unwrap_err().to_string()
    };
    assert!(refused(&|mount| mount.recursive_read_only = true).contains("not read-only"));
    assert!(refused(&|mount| mount.image = Some(cri_api::ImageSpec::default())).contains("read-only"));
    assert!(refused(&|mount| mount.image_sub_path = "a".into()).contains("needs an image"));
    assert!(refused(&|mount| mount.mount_options = vec!["noexec".into(), "suid".into()]).contains("option suid"));
    let shared = security(|context| context.namespace_options = Some(namespaces(NamespaceMode::Pod)));
    assert!(made(&sandbox(), &shared).is_err());
    let network = |mode: NamespaceMode| {
        let asked = NamespaceOption { network: mode.into(), ..namespaces(NamespaceMode::Container) };
        made(&sandbox(), &security(|context| context.namespace_options = Some(asked)))
    };
    assert!(network(NamespaceMode::Node).is_err() && network(NamespaceMode::Pod).is_ok());
}

#[test]
fn a_mount_has_the_options_that_were_asked_for() {
    let mut config = security(|_| {});
    config.mounts = vec![mount("/x"), Mount { readonly: true, image: Some(cri_api::ImageSpec::default()), ..Mount::default() }];
    config.mounts[0].mount_options = vec!["noexec".into()];
    config.mounts[1].container_path = "/image".into();
    let volumes = [None, Some("/volumes/1/root".into())];
    let spec = made_with(&sandbox(), &config, &volumes).unwrap();
    let of = |place: &str| spec["mounts"].as_array().unwrap().iter().find(|mount| mount["destination"] == place).unwrap();
    assert_eq!(of("/x")["options"], json!(["rbind", "rprivate", "rw", "noexec"]));
    assert_eq!((&of("/image")["source"], &of("/image")["options"][2]), (&json!("/volumes/1/root"), &json!("ro")));
    assert!(made(&sandbox(), &config).is_err());
}

#[test]
fn a_shared_pid_namespace_is_the_pods() {
    let mut pod = sandbox();
    let context = pod.config.linux.as_mut().unwrap().security_context.as_mut().unwrap();
    context.namespace_options = Some(namespaces(NamespaceMode::Pod));
    let pid = |sandbox: &Sandbox, mode| {
        let spec = made(sandbox, &security(|context| context.namespace_options = Some(namespaces(mode)))).unwrap();
        let list = spec["linux"]["namespaces"].as_array().unwrap().clone();
        list.into_iter().find(|one| one["type"] == "pid")
    };
    assert_eq!(pid(&pod, NamespaceMode::Pod).unwrap()["path"], "/run/kutties/pods/5b/ns/pid");
    assert!(pid(&pod, NamespaceMode::Container).unwrap().get("path").is_none());
    let mut host = sandbox();
    let context = host.config.linux.as_mut().unwrap().security_context.as_mut().unwrap();
    context.namespace_options = Some(namespaces(NamespaceMode::Node));
    assert!(pid(&host, NamespaceMode::Pod).is_none());
}

#[test]
fn namespaces_are_the_pods_the_containers_or_the_hosts() {
    let kinds = |sandbox: &Sandbox, config: &ContainerConfig| {
        let spec = made(sandbox, config).unwrap();
        let list = spec["linux"]["namespaces"].as_array().unwrap().clone();
        let mut kinds: Vec<_> = list.iter().map(|one| one["type"].as_str().unwrap().to_owned()).collect();
        kinds.sort();
        kinds.join(" ")
    };
    assert_eq!(kinds(&sandbox(), &security(|_| {})), "cgroup ipc mount network pid uts");
    let mut host = sandbox();
    let linux = host.config.linux.as_mut().unwrap();
    let all = NamespaceMode::Node.into();
    linux.security_context.as_mut().unwrap().namespace_options =
        Some(NamespaceOption { network: all, pid: all, ipc: all, ..NamespaceOption::default() });
    let config = security(|context| {
        context.namespace_options = Some(namespaces(NamespaceMode::Node));
        context.privileged = true;
    });
    assert_eq!(kinds(&host, &config), "mount");
}

#[test]
fn a_privileged_container_has_no_filter_and_no_masks() {
    let config = security(|context| {
        context.privileged = true;
        context.masked_paths = vec!["/proc/kcore".into()];
        context.seccomp = Some(SecurityProfile { profile_type: 2, localhost_ref: "/nowhere".into() });
    });
    let spec = made(&sandbox(), &config).unwrap();
    assert!(spec["linux"].get("seccomp").is_none() && spec["linux"].get("maskedPaths").is_none());
    assert_eq!(spec["linux"]["resources"]["devices"], json!([{ "allow": true, "access": "rwm" }]));
}

#[test]
fn a_token_on_the_kernels_command_line_is_masked() {
    let asked = || vec!["/proc/kcore".to_owned()];
    assert_eq!(masked(asked(), "quiet kutties.join=h:1,token=a.b"), ["/proc/kcore", "/proc/cmdline"]);
    assert_eq!(masked(asked(), "quiet kutties.hostname=x"), ["/proc/kcore"]);
}

#[test]
fn the_filter_grows_with_capabilities() {
    let filter = |names: &[&str]| seccomp_default::build(names);
    let allowed = |filter: &Value, call: &str| {
        filter["syscalls"].as_array().unwrap().iter().any(|rule| {
            rule["action"] == "SCMP_ACT_ALLOW"
                && rule.get("args").is_none()
                && rule["names"].as_array().unwrap().contains(&json!(call))
        })
    };
    let plain = filter(&["CHOWN"]);
    assert!(
        allowed(&plain, "openat") && !allowed(&plain, "mount") && !allowed(&plain, "io_uring_setup") && !allowed(&plain, "clone")
    );
    assert!(allowed(&filter(&["SYS_ADMIN"]), "mount") && allowed(&filter(&["SYS_TIME"]), "clock_settime"));
    assert_eq!(plain["syscalls"].as_array().unwrap().last().unwrap()["errnoRet"], 38);
}

#[test]
fn a_profile_that_is_not_there_is_an_error() {
    let of = |path: &str| {
        let profile = SecurityProfile { profile_type: 2, localhost_ref: path.into() };
        made(&sandbox(), &security(|context| context.seccomp = Some(profile)))
    };
    assert!(of("/nonexistent").is_err());
    let path = std::env::temp_dir().join(format!("cri-profile-{}", std::process::id()));
    fs::write(&path, b"{\"defaultAction\":\"SCMP_ACT_ALLOW\"}").unwrap();
    assert_eq!(of(path.to_str().unwrap()).unwrap()["linux"]["seccomp"]["defaultAction"], "SCMP_ACT_ALLOW");
    let elder = |words: String| made(&sandbox(), &security(|context| context.seccomp_profile_path = words));
    let filtered = elder(format!("localhost/{}", path.display())).unwrap();
    assert_eq!(filtered["linux"]["seccomp"]["defaultAction"], "SCMP_ACT_ALLOW");
    assert!(elder("localhost/nonexistent".into()).is_err());
    fs::write(&path, b"{}").unwrap();
    assert!(of(path.to_str().unwrap()).is_err());
    fs::remove_file(path).unwrap();
}

#[test]
fn limits_of_zero_are_none() {
    let limits = LinuxContainerResources { cpu_shares: 2, memory_limit_in_bytes: 1 << 20, ..Default::default() };
    let section = resources::build(&limits, Vec::new(), "/kubepods/x");
    assert_eq!(section["cpu"], json!({ "shares": 2 }));
    assert_eq!(section["memory"], json!({ "limit": 1 << 20 }));
    assert!(resources::build(&LinuxContainerResources::default(), Vec::new(), "/x").get("cpu").is_none());
}

#[test]
fn users_are_looked_up_inside_the_image() {
    let root = std::env::temp_dir().join(format!("cri-user-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(root.join("real")).unwrap();
    fs::write(root.join("real/passwd"), "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n").unwrap();
    fs::write(root.join("real/group"), "www:x:50:root,web\nother:x:51:\n").unwrap();
    // An absolute link counts from the image's root.
    std::os::unix::fs::symlink("/real", root.join("etc")).unwrap();
    let of = |image: &str, change: &dyn Fn(&mut LinuxContainerSecurityContext)| {
        let mut context = LinuxContainerSecurityContext::default();
        change(&mut context);
        resolve_user(&root, image, &context)
    };
    let user = of("web", &|_| {}).unwrap();
    assert_eq!((user.uid, user.gid, user.groups, user.home.as_deref()), (33, 34, vec![34, 50], Some("/srv")));
    assert_eq!(of("33:other", &|_| {}).unwrap().gid, 51);
    let user = of("", &|context| context.run_as_user = Some(Int64Value { value: 1234 })).unwrap();
    assert_eq!((user.uid, user.gid, user.groups), (1234, 0, vec![0]));
    let user = of("web", &|context| {
        context.supplemental_groups = vec![60];
        context.supplemental_groups_policy = SupplementalGroupsPolicy::Strict.into();
    });
    assert_eq!(user.unwrap().groups, [34, 60]);
    assert!(of("nobody", &|_| {}).is_err());
    assert!(of("", &|context| context.run_as_group = Some(Int64Value { value: 1 })).is_err());
    assert!(of("", &|context| context.run_as_user = Some(Int64Value { value: -1 })).is_err());
    fs::remove_dir_all(root).unwrap();
}

/// Numbers of no user, and names that an image could give to root (CVE-2016-3697, CVE-2024-40635, CVE-2026-46680).
#[test]
fn a_number_is_no_name_of_roots() {
    let root = std::env::temp_dir().join(format!("cri-numbers-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(root.join("etc")).unwrap();
    let odd =
        ["4294967295", "4294967296", "18446744073709551616", "99999999999999999999999999", "-1", "-0", "+4294967296", "1000"];
    let lines = |rest: &str| odd.map(|name| format!("{name}{rest}\n")).concat();
    fs::write(root.join("etc/passwd"), lines(":x:0:0::/:/bin/sh")).unwrap();
    fs::write(root.join("etc/group"), lines(":x:0:")).unwrap();
    let of = |user: &str| resolve_user(&root, user, &LinuxContainerSecurityContext::default());
    for name in &odd[..odd.len() - 1] {
        assert!(of(name).is_err() && of(&format!("7:{name}")).is_err(), "{name}");
    }
    let user = of("1000:1000").unwrap();
    assert_eq!((user.uid, user.gid, user.groups), (1000, 1000, vec![1000]));
    fs::remove_dir_all(root).unwrap();
}

/// Files of the image are not read without end (CVE-2025-4437, CVE-2026-47262).
#[test]
fn a_huge_file_of_groups_is_refused() {
    let root = std::env::temp_dir().join(format!("cri-groups-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/passwd"), "web:x:33:34::/srv:/bin/sh\n").unwrap();
    let of = || resolve_user(&root, "web", &LinuxContainerSecurityContext::default());
    // As many groups as a file may have, each with that member.
    let many = (0..60_000).fold(String::new(), |text, gid| text + &format!("g:x:{gid}:web\n"));
    fs::write(root.join("etc/group"), &many).unwrap();
    assert_eq!(of().unwrap().groups.len(), 60_000);
    fs::File::create(root.join("etc/group")).unwrap().set_len(64 << 30).unwrap();
    let said = of().unwrap_err().to_string();
    assert!(said.contains("/etc/group is larger than"), "{said}");
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn an_exec_is_the_container_with_another_command() {
    let spec = made(&sandbox(), &security(|_| {})).unwrap();
    let process = exec(&spec, &["/probe".into()], false).unwrap();
    assert_eq!((&process["args"], &process["user"]["uid"]), (&json!(["/probe"]), &json!(7)));
    assert!(exec(&spec, &[], false).is_err());
}

#[test]
fn limits_are_the_kernels_defaults_and_not_the_runtimes() {
    let spec = made(&sandbox(), &security(|_| {})).unwrap();
    let limits = spec["process"]["rlimits"].as_array().unwrap();
    let of = |kind: &str| limits.iter().find(|limit| limit["type"] == kind).map(|limit| limit["soft"].as_u64().unwrap());
    assert_eq!((of("RLIMIT_MEMLOCK"), of("RLIMIT_NOFILE")), (Some(8 << 20), Some(1024)));
    let threads: u64 = fs::read_to_string("/proc/sys/kernel/threads-max").unwrap().trim().parse().unwrap();
    assert_eq!(of("RLIMIT_NPROC"), Some(threads / 2));
}

#[test]
fn a_mount_that_holds_the_runtimes_mounts_follows_their_end() {
    let mut config = security(|_| {});
    let spreads = |config: &ContainerConfig| {
        let spec = made(&sandbox(), config).unwrap();
        let of_mount =
            spec["mounts"].as_array().unwrap().iter().find(|mount| mount["destination"] == "/m").unwrap()["options"][1].clone();
        (of_mount, spec["linux"]["rootfsPropagation"].clone())
    };
    config.mounts = vec![Mount { host_path: "/".into(), ..mount("/m") }];
    assert_eq!(spreads(&config), (json!("rslave"), json!("rslave")));
    config.mounts = vec![mount("/m")];
    assert_eq!(spreads(&config), (json!("rprivate"), json!("private")));
}

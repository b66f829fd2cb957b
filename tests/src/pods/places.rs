//! Mounts of a container: their paths and their options.

use lab::test_image;

use crate::case::{Outcome, ensure};
use crate::kube::field;
use crate::pods::{Seen, clear, finish};
use crate::world::World;

const VOLUMES: &str = "volumes:
- {name: ram, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
- {name: host, hostPath: {path: /run/pods-case, type: DirectoryOrCreate}}
- {name: shared, emptyDir: {}}
initContainers:
- {name: first, image: IMAGE, args: [write, /data/sub/file, hello], volumeMounts: [{name: shared, mountPath: /data/sub}]}
containers:
- name: volumes
  image: IMAGE
  args: [show, /data/sub/file, /one]
  securityContext: {privileged: true}
  volumeMounts:
  - {name: ram, mountPath: /ram}
  - {name: shared, mountPath: /data/sub, readOnly: true}
  - {name: shared, mountPath: /one, subPath: file}
  - {name: host, mountPath: /private}
  - {name: host, mountPath: /slave, mountPropagation: HostToContainer}
  - {name: host, mountPath: /shared, mountPropagation: Bidirectional}
  - {name: host, mountPath: /recursive, readOnly: true, recursiveReadOnly: Enabled}
  - {name: host, mountPath: /plain, readOnly: true}
";

pub fn volumes(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    let guest = &node.vm.guest;
    guest.sh("mkdir -p /run/pods-case/below && mount -t tmpfs below /run/pods-case/below")?;
    let tried = finish(plane, node, "volumes", VOLUMES)
        .map_err(Into::into)
        .and_then(|()| compare_volumes(&Seen::of(plane, "volumes", "volumes")?));
    guest.sh("umount /run/pods-case/below; rm -r /run/pods-case")?;
    tried?;
    clear(plane, &["volumes"])
}

fn compare_volumes(seen: &Seen) -> Outcome {
    seen.has("mount /ram", &["rw", "tmpfs", "size=1024k"])?;
    seen.has("mount /data/sub", &["ro"])?;
    seen.says("/data/sub/file| hello")?;
    seen.says("/one| hello")?;
    let sharing = |place: &str, kind: &str| seen.value(place).is_some_and(|line| line.contains(kind));
    for (place, kinds) in [("mount /private", [false, false]), ("mount /slave", [false, true]), ("mount /shared", [true, false])]
    {
        let told = [sharing(place, " shared:"), sharing(place, " master:")];
        ensure(told == kinds, || format!("{place} shares {told:?}: {:?}", seen.value(place)))?;
    }
    seen.has("mount /recursive", &["ro"])?;
    seen.has("mount /recursive/below", &["ro"])?;
    seen.has("mount /plain", &["ro"])?;
    seen.has("mount /plain/below", &["rw"])
}

const MASKED: &str = "containers:
- name: masked
  image: IMAGE
  args: [touch, /proc/kcore, /proc/sys/kernel/hostname, /sys/fs/cgroup/new, /file, /tmp/file]
  securityContext: {readOnlyRootFilesystem: true}
  volumeMounts: [{name: tmp, mountPath: /tmp}]
- {name: seen, image: IMAGE, args: [show], securityContext: {readOnlyRootFilesystem: true}}
volumes: [{name: tmp, emptyDir: {}}]
";

pub fn masked(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    finish(plane, node, "masked", MASKED)?;
    let tried = Seen::of(plane, "masked", "masked")?;
    // The mask, an empty file that swallows all, is below a path that the default AppArmor profile denies.
    tried.is("/proc/kcore", "permission denied")?;
    for place in ["/proc/sys/kernel/hostname", "/sys/fs/cgroup/new", "/file"] {
        tried.is(place, "read-only filesystem or storage medium")?;
    }
    tried.is("/tmp/file", "written")?;
    let seen = Seen::of(plane, "masked", "seen")?;
    seen.has("mount /", &["ro"])?;
    seen.has("mount /proc/sys", &["ro", "proc"])?;
    seen.has("mount /proc/kcore", &["devtmpfs"]).or_else(|_| seen.has("mount /proc/kcore", &["tmpfs"]))?;
    seen.has("mount /proc/acpi", &["tmpfs"])?;
    for place in ["mount /etc/hosts", "mount /etc/resolv.conf", "mount /etc/hostname", "mount /dev/shm", "mount /dev/mqueue"] {
        ensure(seen.value(place).is_some(), || format!("there is no {place}:\n{}", seen.text))?;
    }
    clear(plane, &["masked"])
}

const IMAGE: &str = "volumes:
- {name: whole, image: {reference: IMAGE, pullPolicy: IfNotPresent}}
containers:
- name: image
  image: IMAGE
  args: [show, /whole/etc/group, /part/group]
  volumeMounts: [{name: whole, mountPath: /whole}, {name: whole, mountPath: /part, subPath: etc}]
- {name: write, image: IMAGE, args: [touch, /whole/new], volumeMounts: [{name: whole, mountPath: /whole}]}
";

pub fn image(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    finish(plane, node, "image", IMAGE)?;
    let seen = Seen::of(plane, "image", "image")?;
    seen.says("/whole/etc/group| extra:x:5000:probe")?;
    seen.says("/part/group| extra:x:5000:probe")?;
    seen.has("mount /whole", &["ro", "overlay"])?;
    Seen::of(plane, "image", "write")?.is("/whole/new", "read-only filesystem or storage medium")?;
    let told = field(plane, "pod/image", "{.spec.volumes[0].image.reference}")?;
    ensure(told == test_image::NAME, || told.clone())?;
    clear(plane, &["image"])
}

# AppArmor profile of containers that ask for the runtime's default or for none. It leaves programs what file permissions,
# capabilities and namespaces leave them, and takes the ways out of a container that those do not close.
#
# `default.bin` beside this file is its compiled form, which the server loads. After a change of this file:
#   apparmor_parser --config-file /dev/null --skip-read-cache --features-file ABI --ofile default.bin default.profile
# with ABI = abi/3.0 of Debian's package apparmor: the oldest that has mounts, signals and ptrace. What a kernel can mediate
# beyond it (message queues, io_uring, user namespaces) is left alone.

profile kutties-default flags=(attach_disconnected, mediate_deleted) {
  file,
  network,
  unix,
  capability,

  # The runtime, its monitors and people on the node are unconfined.
  signal (receive) peer=unconfined,
  signal (send, receive) peer=kutties-default,
  ptrace (trace, tracedby, read, readby) peer=kutties-default,

  # A container's mounts are the runtime's. A right to unmount leads to what lies below its root.
  deny mount,
  deny remount,
  deny umount,
  deny pivot_root,

  # The kernel's settings and switches. Directories of processes have numbers.
  deny /proc/* w,
  deny /proc/[^0-9]*/** w,
  deny /proc/{kcore,kmem,mem,sysrq-trigger} rwklx,

  # Devices and the kernel's objects. Writing below /sys/fs/cgroup is what a cgroup's owner may do.
  deny /sys/{[^f]*,f[^s]*}/** wklx,
  deny /sys/fs/{[^c]*,c[^g]*,cg[^r]*}/** wklx,
  deny /sys/{firmware,kernel/security,devices/virtual/powercap}/** rwklx,
}

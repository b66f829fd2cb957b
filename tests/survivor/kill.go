package main

// Kills.

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// trial is one kill: what was there before, and what the RPC is about.
type trial struct {
	*client
	step, pullable string
	config         *cri.PodSandboxConfig
	wanted         *cri.ContainerConfig
	pod, one       string
}

// act is an RPC: what must be there before, the call, and what a kubelet does and finds after it failed.
type act struct {
	before func(*trial)
	call   func(*trial) error
	after  func(*trial)
}

func fail(rpc, step, pullable string) {
	do, known := acts[rpc]
	ensure(known, "nothing here calls %s", rpc)
	t := &trial{client: connect(), step: step, pullable: pullable}
	// What an earlier one left when it failed.
	os.Remove(orders)
	t.removePods("trial")
	do.before(t)
	if pause, timed := strings.CutPrefix(step, "ms:"); timed {
		killAfter(t, do, time.Duration(number(pause))*time.Millisecond)
	} else {
		killAt(t, do, rpc, step)
	}
	t.client = connect()
	do.after(t)
	t.undisturbed()
	t.removePods("trial")
}

// killAt has the server killed at a step.
func killAt(t *trial, do act, rpc, step string) {
	victim := t.pid
	if rpc == "Start" {
		victim = 0
	}
	check(os.WriteFile(orders+".new", []byte(fmt.Sprintf("%s %d\n", step, victim)), 0o600))
	check(os.Rename(orders+".new", orders))
	err := do.call(t)
	dead := t.pid
	until(comeback, func() string {
		if _, missing := os.Stat(orders); missing == nil {
			return fmt.Sprintf("the step was not reached; the call ended with %v", err)
		}
		if pid, err := server(); err != nil || pid == dead {
			return "there is no new server"
		}
		return ""
	})
	ensure(err != nil, "the call succeeded, though its server was killed")
}

// killAfter kills the server after a while: wherever it is then, perhaps in a program that it runs, perhaps done.
func killAfter(t *trial, do act, pause time.Duration) {
	dead := t.pid
	time.AfterFunc(pause, func() { syscall.Kill(dead, syscall.SIGKILL) })
	_ = do.call(t)
	until(comeback, func() string {
		if pid, err := server(); err != nil || pid == dead {
			return "there is no new server"
		}
		return ""
	})
}

func (t *trial) withPod(onHost bool) {
	t.config = pod("trial", "trial", onHost)
	t.pod = t.run(t.config)
}

func (t *trial) withContainer(onHost bool, words ...string) {
	t.withPod(onHost)
	t.wanted = container(image, words...)
	t.one = t.create(t.pod, t.config, t.wanted)
}

func (t *trial) withRunning(onHost bool, words ...string) {
	t.withContainer(onHost, words...)
	t.start(t.one)
}

// only finds the one container that there is, and that things can be run in it.
func (t *trial) only(state cri.ContainerState) {
	all := t.containers(t.pod)
	ensure(len(all) == 1 && all[0].Id == t.one && all[0].State == state, "the containers are %v, not %s", all, t.one)
	if state == cri.ContainerState_CONTAINER_RUNNING {
		ensure(t.exec(t.one, "/bin/probe", "exit", "7").ExitCode == 7, "an exec ended otherwise")
	}
}

// alone finds that the container's own process is the only one in it.
func (t *trial) alone() {
	until(patience, func() string {
		procs := strings.Fields(string(must(os.ReadFile("/sys/fs/cgroup/kutties/pods/" + t.pod + "/" + t.one + "/cgroup.procs"))))
		if len(procs) == 1 {
			return ""
		}
		return fmt.Sprint("in the container are ", procs)
	})
}

func (t *trial) pull() error {
	_, err := t.images.PullImage(long(), &cri.PullImageRequest{Image: &cri.ImageSpec{Image: t.pullable}})
	return err
}

func (t *trial) removeImage() error {
	_, err := t.images.RemoveImage(long(), &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: t.pullable}})
	return err
}

func (t *trial) hasImage() bool {
	return must(t.images.ImageStatus(long(), &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: t.pullable}})).Image != nil
}

// again calls once more, as a kubelet does.
func again(call func(*trial) error) func(*trial) {
	return func(t *trial) { check(call(t)) }
}

var acts = map[string]act{
	"RunPodSandbox": {
		before: func(t *trial) {
			t.config = pod("trial", "trial", false)
			t.config.PortMappings = []*cri.PortMapping{{Protocol: cri.Protocol_TCP, ContainerPort: 80, HostPort: 18080}}
		},
		call: runPod,
		after: func(t *trial) {
			check(runPod(t))
			all := t.pods("trial")
			ensure(len(all) == 1 && all[0].Id == t.pod && all[0].State == cri.PodSandboxState_SANDBOX_READY, "the pods are %v, not %s", all, t.pod)
			told := must(t.runtime.PodSandboxStatus(long(), &cri.PodSandboxStatusRequest{PodSandboxId: t.pod})).Status
			ensure(told.Network.Ip != "", "the pod has no address")
			t.one = t.create(t.pod, t.config, container(image))
			t.start(t.one)
			seen := string(t.exec(t.one, "/bin/probe", "show", "/etc/hosts").Stdout)
			ensure(strings.Contains(seen, told.Network.Ip), "its hosts file does not tell its address %s:\n%s", told.Network.Ip, seen)
			t.only(cri.ContainerState_CONTAINER_RUNNING)
		},
	},
	"StopPodSandbox": {
		before: func(t *trial) { t.withRunning(false) },
		call:   stopPod,
		after: func(t *trial) {
			check(stopPod(t))
			told := must(t.runtime.PodSandboxStatus(long(), &cri.PodSandboxStatusRequest{PodSandboxId: t.pod})).Status
			ensure(told.State == cri.PodSandboxState_SANDBOX_NOTREADY, "the pod is %v", told)
			t.only(cri.ContainerState_CONTAINER_EXITED)
			ensure(t.status(t.one).ExitCode == 137, "the container ended as %v", t.status(t.one))
		},
	},
	"RemovePodSandbox": {
		before: func(t *trial) {
			t.withRunning(false)
			check(stopPod(t))
		},
		call: removePod,
		after: func(t *trial) {
			check(removePod(t))
			ensure(len(t.pods("trial")) == 0 && len(t.containers(t.pod)) == 0, "something is left of the pod")
		},
	},
	"CreateContainer": {
		before: func(t *trial) {
			t.withPod(true)
			t.wanted = container(image)
		},
		call: createContainer,
		after: func(t *trial) {
			check(createContainer(t))
			t.only(cri.ContainerState_CONTAINER_CREATED)
			t.start(t.one)
			t.only(cri.ContainerState_CONTAINER_RUNNING)
		},
	},
	"StartContainer": {
		before: func(t *trial) { t.withContainer(true) },
		call:   startContainer,
		after: func(t *trial) {
			// A container that was not started yet is asked for again; one that was is seen to run.
			if t.status(t.one).State == cri.ContainerState_CONTAINER_CREATED {
				if err := startContainer(t); err != nil && t.status(t.one).State != cri.ContainerState_CONTAINER_RUNNING {
					panic(err)
				}
			}
			t.only(cri.ContainerState_CONTAINER_RUNNING)
			ensure(t.status(t.one).StartedAt > 0, "nobody knows when it was started")
			log := filepath.Join(t.config.LogDirectory, "main.log")
			until(patience, func() string {
				if said := string(must(os.ReadFile(log))); strings.Count(said, "hello from") != 1 {
					return fmt.Sprintf("its log is %q", said)
				}
				return ""
			})
		},
	},
	"StopContainer": {
		before: func(t *trial) {
			t.withRunning(true)
			// A signal that comes before its first process asks for one is lost.
			listens(t.config)
		},
		call: stopContainer,
		after: func(t *trial) {
			check(stopContainer(t))
			t.only(cri.ContainerState_CONTAINER_EXITED)
			ensure(t.status(t.one).ExitCode == 0, "it ended as %v", t.status(t.one))
			said := string(must(os.ReadFile(filepath.Join(t.config.LogDirectory, "main.log"))))
			ensure(strings.Contains(said, "ended by SIGTERM"), "its last words are %q", said)
		},
	},
	"RemoveContainer": {
		before: func(t *trial) { t.withRunning(true) },
		call:   removeContainer,
		after: func(t *trial) {
			check(removeContainer(t))
			ensure(len(t.containers(t.pod)) == 0, "the container is still there")
			// Its name is free.
			t.one = t.create(t.pod, t.config, t.wanted)
			t.start(t.one)
			t.only(cri.ContainerState_CONTAINER_RUNNING)
		},
	},
	"UpdateContainerResources": {
		before: func(t *trial) { t.withRunning(true) },
		call:   updateContainer,
		after: func(t *trial) {
			check(updateContainer(t))
			ensure(t.status(t.one).Resources.Linux.CpuQuota == 40000, "its quota is told as %v", t.status(t.one).Resources)
			seen := string(t.exec(t.one, "/bin/probe", "show").Stdout)
			ensure(strings.Contains(seen, "\ncpu.max: 40000 100000\n"), "it sees\n%s", seen)
			t.only(cri.ContainerState_CONTAINER_RUNNING)
		},
	},
	"UpdatePodSandboxResources": {
		before: func(t *trial) { t.withRunning(true) },
		call:   updatePod,
		after: func(t *trial) {
			check(updatePod(t))
			t.only(cri.ContainerState_CONTAINER_RUNNING)
		},
	},
	"ReopenContainerLog": {
		before: func(t *trial) {
			t.withRunning(true, "count")
			log := filepath.Join(t.config.LogDirectory, "main.log")
			until(patience, func() string {
				if counted(log) > 0 {
					return ""
				}
				return "it says nothing"
			})
			check(os.Rename(log, log+".old"))
		},
		call: reopenLog,
		after: func(t *trial) {
			check(reopenLog(t))
			log := filepath.Join(t.config.LogDirectory, "main.log")
			until(patience, func() string {
				if text, err := os.ReadFile(log); err != nil || len(text) == 0 {
					return "nothing is in the new log"
				}
				return ""
			})
			t.only(cri.ContainerState_CONTAINER_RUNNING)
		},
	},
	"ExecSync": {
		before: func(t *trial) { t.withRunning(true) },
		call: func(t *trial) error {
			words := []string{"/bin/probe", "exit", "7"}
			if t.step == "ExecOrdered" {
				// It never ends by itself.
				words = []string{"/bin/probe", "hello"}
			}
			_, err := t.runtime.ExecSync(long(), &cri.ExecSyncRequest{ContainerId: t.one, Cmd: words})
			return err
		},
		after: func(t *trial) {
			t.only(cri.ContainerState_CONTAINER_RUNNING)
			t.alone()
		},
	},
	"Exec": {
		before: func(t *trial) { t.withRunning(true) },
		call:   execURL,
		after: func(t *trial) {
			check(execURL(t))
			t.only(cri.ContainerState_CONTAINER_RUNNING)
		},
	},
	"Attach": {
		before: func(t *trial) { t.withRunning(true) },
		call:   attachURL,
		after: func(t *trial) {
			check(attachURL(t))
			t.only(cri.ContainerState_CONTAINER_RUNNING)
		},
	},
	"PortForward": {
		before: func(t *trial) { t.withPod(true) },
		call:   forwardURL,
		after:  again(forwardURL),
	},
	"PullImage": {
		before: func(t *trial) { check(t.removeImage()) },
		call:   (*trial).pull,
		after: func(t *trial) {
			check(t.pull())
			ensure(t.hasImage(), "the image is not there")
			t.withPod(true)
			t.one = t.create(t.pod, t.config, container(t.pullable))
			t.start(t.one)
			t.only(cri.ContainerState_CONTAINER_RUNNING)
			t.removePods("trial")
			check(t.removeImage())
		},
	},
	"RemoveImage": {
		before: func(t *trial) { check(t.pull()) },
		call:   (*trial).removeImage,
		after: func(t *trial) {
			check(t.removeImage())
			ensure(!t.hasImage(), "the image is still there")
		},
	},
	"UpdateRuntimeConfig": {
		before: func(*trial) {},
		call:   func(t *trial) error { return t.configure(otherShare) },
		after: func(t *trial) {
			check(t.configure(otherShare))
			check(t.configure(share))
			t.withPod(false)
			told := must(t.runtime.PodSandboxStatus(long(), &cri.PodSandboxStatusRequest{PodSandboxId: t.pod})).Status
			ensure(strings.HasPrefix(told.Network.Ip, "10.244.99."), "the pod's address is %s", told.Network.Ip)
		},
	},
	// The server is killed, and the next one at its start.
	"Start": {
		before: func(t *trial) { t.withRunning(false) },
		call: func(t *trial) error {
			check(syscall.Kill(t.pid, syscall.SIGKILL))
			return fmt.Errorf("killed")
		},
		after: func(t *trial) { t.only(cri.ContainerState_CONTAINER_RUNNING) },
	},
}

func runPod(t *trial) error {
	done, err := t.runtime.RunPodSandbox(long(), &cri.RunPodSandboxRequest{Config: t.config})
	t.pod = done.GetPodSandboxId()
	return err
}

func stopPod(t *trial) error {
	_, err := t.runtime.StopPodSandbox(long(), &cri.StopPodSandboxRequest{PodSandboxId: t.pod})
	return err
}

func removePod(t *trial) error {
	_, err := t.runtime.RemovePodSandbox(long(), &cri.RemovePodSandboxRequest{PodSandboxId: t.pod})
	return err
}

func createContainer(t *trial) error {
	request := &cri.CreateContainerRequest{PodSandboxId: t.pod, Config: t.wanted, SandboxConfig: t.config}
	done, err := t.runtime.CreateContainer(long(), request)
	t.one = done.GetContainerId()
	return err
}

func startContainer(t *trial) error {
	_, err := t.runtime.StartContainer(long(), &cri.StartContainerRequest{ContainerId: t.one})
	return err
}

func stopContainer(t *trial) error {
	_, err := t.runtime.StopContainer(long(), &cri.StopContainerRequest{ContainerId: t.one, Timeout: 120})
	return err
}

func removeContainer(t *trial) error {
	_, err := t.runtime.RemoveContainer(long(), &cri.RemoveContainerRequest{ContainerId: t.one})
	return err
}

func updateContainer(t *trial) error {
	change := &cri.LinuxContainerResources{CpuPeriod: 100000, CpuQuota: 40000}
	_, err := t.runtime.UpdateContainerResources(long(), &cri.UpdateContainerResourcesRequest{ContainerId: t.one, Linux: change})
	return err
}

func updatePod(t *trial) error {
	sum := &cri.LinuxContainerResources{CpuShares: 300}
	_, err := t.runtime.UpdatePodSandboxResources(long(), &cri.UpdatePodSandboxResourcesRequest{PodSandboxId: t.pod, Resources: sum})
	return err
}

func reopenLog(t *trial) error {
	_, err := t.runtime.ReopenContainerLog(long(), &cri.ReopenContainerLogRequest{ContainerId: t.one})
	return err
}

func execURL(t *trial) error {
	_, err := t.runtime.Exec(long(), &cri.ExecRequest{ContainerId: t.one, Cmd: []string{"/bin/probe"}, Stdout: true})
	return err
}

func attachURL(t *trial) error {
	_, err := t.runtime.Attach(long(), &cri.AttachRequest{ContainerId: t.one, Stdout: true})
	return err
}

func forwardURL(t *trial) error {
	_, err := t.runtime.PortForward(long(), &cri.PortForwardRequest{PodSandboxId: t.pod, Port: []int32{80}})
	return err
}

package main

// Much to do, and a monitor that dies.

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func (c *client) cycle(i int) {
	config := pod("trial", fmt.Sprint("cycle-", i), false)
	id := c.run(config)
	one := c.create(id, config, container(image))
	c.start(one)
	if i%10 == 0 {
		ensure(c.exec(one, "/bin/probe", "exit", "7").ExitCode == 7, "an exec ended otherwise")
	}
	listens(config)
	must(c.runtime.StopContainer(long(), &cri.StopContainerRequest{ContainerId: one, Timeout: 30}))
	told := c.status(one)
	ensure(told.State == cri.ContainerState_CONTAINER_EXITED && told.ExitCode == 0, "it ended as %v", told)
	must(c.runtime.RemoveContainer(long(), &cri.RemoveContainerRequest{ContainerId: one}))
	must(c.runtime.StopPodSandbox(long(), &cri.StopPodSandboxRequest{PodSandboxId: id}))
	must(c.runtime.RemovePodSandbox(long(), &cri.RemovePodSandboxRequest{PodSandboxId: id}))
	check(os.RemoveAll(config.LogDirectory))
}

func (c *client) cycles(count int) {
	each(count, 2, c.cycle)
}

func (c *client) crowd(from, count int) {
	each(count-from, 8, func(i int) {
		config := pod("trial", fmt.Sprint("crowd-", from+i), false)
		id := c.run(config)
		c.start(c.create(id, config, container(image)))
	})
	pods := c.pods("trial")
	addresses := map[string]bool{}
	for _, one := range pods {
		told := must(c.runtime.PodSandboxStatus(long(), &cri.PodSandboxStatusRequest{PodSandboxId: one.Id})).Status
		addresses[told.Network.Ip] = true
		for _, inside := range c.containers(one.Id) {
			ensure(inside.State == cri.ContainerState_CONTAINER_RUNNING, "a container of the crowd is %v", inside)
		}
	}
	ensure(len(pods) == count && len(addresses) == count, "%d pods have %d addresses", len(pods), len(addresses))
}

// listens waits for the container's first word, which it says once it takes SIGTERM: the kernel drops what is sent to a namespace's
// first process before.
func listens(config *cri.PodSandboxConfig) {
	until(time.Minute, func() string {
		if said, _ := os.ReadFile(filepath.Join(config.LogDirectory, "main.log")); !strings.Contains(string(said), "hello") {
			return "the container does not say hello"
		}
		return ""
	})
}

// A pod whose monitor dies is reported truthfully, and another one does not notice.
func (c *client) monitorDies() {
	config := pod("trial", "orphaned", false)
	// With a process that holds the PID namespace, whose end nobody else sees to.
	config.Linux.SecurityContext.NamespaceOptions.Pid = cri.NamespaceMode_POD
	wanted := container(image)
	wanted.Linux.SecurityContext = &cri.LinuxContainerSecurityContext{NamespaceOptions: config.Linux.SecurityContext.NamespaceOptions}
	id := c.run(config)
	one := c.create(id, config, wanted)
	c.start(one)
	// A container's monitor is its parent.
	process := strings.Fields(string(must(os.ReadFile("/sys/fs/cgroup/kutties/pods/" + id + "/" + one + "/cgroup.procs"))))
	_, status, _ := strings.Cut(string(must(os.ReadFile("/proc/"+process[0]+"/status"))), "\nPPid:")
	monitor := number(strings.Fields(status)[0])
	ensure(monitor > 1, "the container's parent is %d", monitor)
	check(syscall.Kill(monitor, syscall.SIGKILL))
	until(time.Minute, func() string {
		if told := c.status(one); told.State != cri.ContainerState_CONTAINER_EXITED {
			return fmt.Sprint("the container is ", told)
		}
		return ""
	})
	told := c.status(one)
	ensure(told.ExitCode == 137 && told.Reason == "MonitorDied" && told.FinishedAt >= told.StartedAt, "the container ended as %v", told)
	state := must(c.runtime.PodSandboxStatus(long(), &cri.PodSandboxStatusRequest{PodSandboxId: id})).Status.State
	ensure(state == cri.PodSandboxState_SANDBOX_NOTREADY, "the pod is %v", state)
	until(time.Minute, func() string {
		procs, err := os.ReadFile("/sys/fs/cgroup/kutties/pods/" + id + "/" + one + "/cgroup.procs")
		if err == nil && len(procs) > 0 {
			return "the container's processes live"
		}
		return ""
	})
	c.undisturbed()
	// The kubelet makes it anew.
	config.Metadata.Attempt++
	c.start(c.create(c.run(config), config, wanted))
	c.removePods("trial")
}

// survivor does with a CRI server what a kubelet does, where the server dies meanwhile, or where there is much to do.
//
// `survivor configure` gives the node a network. `survivor bystander` starts a pod that counts in its log, and every other word finds that
// it never noticed anything; `survivor bystander-ends` ends it. `survivor fail RPC STEP PULLABLE` has the server killed at a step of an
// RPC (see applets/cri/src/step.rs), asks again as a kubelet does, and cleans up. `survivor cycles N` makes and removes N pods, `survivor
// crowd FROM TO` adds pods until there are TO, `survivor disperse` removes what is left of any. `survivor lives` and `survivor resumed` find
// that the bystander lives where there is no room, and that its log goes on where there was none. `survivor monitor-dies` kills a pod's monitor. `survivor pod`
// makes and removes one. Each ends with 0 and `all is well`, or with a sentence.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	socket = "/run/kutties/cri.sock"
	image  = "kutties.test/probe:1"
	// Where kills are ordered, a line each: STEP PID.
	orders = "/run/kutties/kill-at"
	// Where the bystander is noted.
	noted = "/tmp/survivor.json"
	// Logs of pods, a folder each.
	logs = "/var/log/pods/survivor"
	// What the node's own network is made of, and what it is changed to for a moment.
	share, otherShare = "10.244.99.0/24", "10.244.98.0/24"
	// All that one RPC may take under emulation, on a busy machine.
	patience = 3 * time.Minute
	// How long a killed server may take to be there again.
	comeback = time.Minute
)

func main() {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintln(os.Stderr, "survivor:", r)
			os.Exit(1)
		}
	}()
	words := os.Args[1:]
	if len(words) == 0 {
		panic("a word is needed")
	}
	c := connect()
	switch words[0] {
	case "configure":
		c.configure(share)
	case "bystander":
		c.bystander()
	case "bystander-ends":
		c.removePods("bystander")
		check(os.Remove(noted))
	case "fail":
		fail(words[1], words[2], words[3])
	case "cycles":
		c.cycles(number(words[1]))
	case "crowd":
		c.crowd(number(words[1]), number(words[2]))
	case "lives":
		c.lives()
	case "resumed":
		c.resumed()
	case "disperse":
		c.removePods("trial")
	case "monitor-dies":
		c.monitorDies()
	case "pod":
		c.cycle(0)
	default:
		panic("no word is " + words[0])
	}
	fmt.Println("all is well")
}

func number(word string) int { return must(strconv.Atoi(word)) }

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func ensure(holds bool, format string, values ...any) {
	if !holds {
		panic(fmt.Sprintf(format, values...))
	}
}

// until waits until a condition holds; what is missing is what it says.
func until(limit time.Duration, condition func() string) {
	due := time.Now().Add(limit)
	for {
		missing := condition()
		if missing == "" {
			return
		}
		ensure(time.Now().Before(due), "%s, after %s", missing, limit)
		time.Sleep(50 * time.Millisecond)
	}
}

type client struct {
	runtime cri.RuntimeServiceClient
	images  cri.ImageServiceClient
	// The server's process.
	pid int
}

// connect finds the server, waiting for it if need be.
func connect() *client {
	quick := backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1, MaxDelay: 100 * time.Millisecond}
	conn := must(grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: quick, MinConnectTimeout: 10 * time.Second})))
	c := &client{runtime: cri.NewRuntimeServiceClient(conn), images: cri.NewImageServiceClient(conn)}
	until(comeback, func() string {
		pid, err := server()
		if err != nil {
			return err.Error()
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if _, err := c.runtime.Version(ctx, &cri.VersionRequest{}); err != nil {
			return err.Error()
		}
		c.pid = pid
		return ""
	})
	return c
}

// server is the number of the process behind the socket.
func server() (int, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var peer *syscall.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		peer, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return 0, err
	}
	if failed != nil {
		return 0, failed
	}
	return int(peer.Pid), nil
}

func long() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	context.AfterFunc(ctx, cancel)
	return ctx
}

func (c *client) configure(cidr string) error {
	request := &cri.UpdateRuntimeConfigRequest{RuntimeConfig: &cri.RuntimeConfig{NetworkConfig: &cri.NetworkConfig{PodCidr: cidr}}}
	_, err := c.runtime.UpdateRuntimeConfig(long(), request)
	return err
}

// pod describes one: of its own network unless it is on the host's.
func pod(group, name string, onHost bool) *cri.PodSandboxConfig {
	network := cri.NamespaceMode_POD
	if onHost {
		network = cri.NamespaceMode_NODE
	}
	folder := filepath.Join(logs, name)
	check(os.MkdirAll(folder, 0o755))
	config := &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: name, Uid: "uid-" + name, Namespace: "survivor"},
		LogDirectory: folder,
		Labels:       map[string]string{"group": group},
		Linux: &cri.LinuxPodSandboxConfig{
			SecurityContext: &cri.LinuxSandboxSecurityContext{NamespaceOptions: &cri.NamespaceOption{Network: network, Pid: cri.NamespaceMode_CONTAINER}},
		},
	}
	return config
}

func container(of string, words ...string) *cri.ContainerConfig {
	return &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: "main"},
		Image:    &cri.ImageSpec{Image: of},
		Args:     words,
		LogPath:  "main.log",
		// The image in itself.
		Mounts: []*cri.Mount{{ContainerPath: "/tmp", Readonly: true, Image: &cri.ImageSpec{Image: image}}},
		Linux:  &cri.LinuxContainerConfig{},
	}
}

func (c *client) run(config *cri.PodSandboxConfig) string {
	return must(c.runtime.RunPodSandbox(long(), &cri.RunPodSandboxRequest{Config: config})).PodSandboxId
}

func (c *client) create(pod string, of *cri.PodSandboxConfig, config *cri.ContainerConfig) string {
	request := &cri.CreateContainerRequest{PodSandboxId: pod, Config: config, SandboxConfig: of}
	return must(c.runtime.CreateContainer(long(), request)).ContainerId
}

func (c *client) start(container string) {
	must(c.runtime.StartContainer(long(), &cri.StartContainerRequest{ContainerId: container}))
}

func (c *client) status(container string) *cri.ContainerStatus {
	return must(c.runtime.ContainerStatus(long(), &cri.ContainerStatusRequest{ContainerId: container})).Status
}

func (c *client) exec(container string, words ...string) *cri.ExecSyncResponse {
	return must(c.runtime.ExecSync(long(), &cri.ExecSyncRequest{ContainerId: container, Cmd: words, Timeout: 60}))
}

func (c *client) pods(group string) []*cri.PodSandbox {
	filter := &cri.PodSandboxFilter{LabelSelector: map[string]string{"group": group}}
	return must(c.runtime.ListPodSandbox(long(), &cri.ListPodSandboxRequest{Filter: filter})).Items
}

func (c *client) containers(pod string) []*cri.Container {
	filter := &cri.ContainerFilter{PodSandboxId: pod}
	return must(c.runtime.ListContainers(long(), &cri.ListContainersRequest{Filter: filter})).Containers
}

// removePods removes all pods of a group and their logs.
func (c *client) removePods(group string) {
	pods := c.pods(group)
	each(len(pods), 8, func(i int) {
		id := pods[i].Id
		must(c.runtime.StopPodSandbox(long(), &cri.StopPodSandboxRequest{PodSandboxId: id}))
		for _, one := range c.containers(id) {
			must(c.runtime.RemoveContainer(long(), &cri.RemoveContainerRequest{ContainerId: one.Id}))
		}
		must(c.runtime.RemovePodSandbox(long(), &cri.RemovePodSandboxRequest{PodSandboxId: id}))
		check(os.RemoveAll(filepath.Join(logs, pods[i].Metadata.Name)))
	})
	left := c.pods(group)
	ensure(len(left) == 0, "%d pods are left", len(left))
}

// each does something count times, several at once. The first failure is everybody's.
func each(count, atOnce int, work func(int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	failures := make(chan any, atOnce)
	for range min(atOnce, count) {
		all.Add(1)
		go func() {
			defer all.Done()
			defer func() {
				if r := recover(); r != nil {
					failures <- r
				}
			}()
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				work(i)
			}
		}()
	}
	all.Wait()
	select {
	case failure := <-failures:
		panic(failure)
	default:
	}
}

// The bystander.

type witness struct {
	Container string
	StartedAt int64
	Log       string
}

func (c *client) bystander() {
	config := pod("bystander", "bystander", false)
	id := c.run(config)
	container := c.create(id, config, container(image, "count"))
	c.start(container)
	w := witness{container, c.status(container).StartedAt, filepath.Join(config.LogDirectory, "main.log")}
	check(os.WriteFile(noted, must(json.Marshal(w)), 0o600))
	c.undisturbed()
}

// undisturbed finds that the bystander runs as ever, its log goes on without a gap, and things can be run in it.
func (c *client) undisturbed() {
	if _, err := os.Stat(noted); os.IsNotExist(err) {
		return
	}
	w := witnessed()
	told := c.status(w.Container)
	ensure(told.State == cri.ContainerState_CONTAINER_RUNNING && told.StartedAt == w.StartedAt, "the bystander is %v", told)
	before := counted(w.Log)
	until(patience, func() string {
		if counted(w.Log) > before {
			return ""
		}
		return fmt.Sprint("the bystander's log stays at ", before)
	})
	ensure(c.exec(w.Container, "/bin/probe", "exit", "7").ExitCode == 7, "an exec in the bystander ended otherwise")
}

// witnessed is what was noted of the bystander.
func witnessed() witness {
	var w witness
	check(json.Unmarshal(must(os.ReadFile(noted)), &w))
	return w
}

// lives finds that the bystander runs as ever; of its log and of execs there may be none for want of room.
func (c *client) lives() {
	w := witnessed()
	told := c.status(w.Container)
	ensure(told.State == cri.ContainerState_CONTAINER_RUNNING && told.StartedAt == w.StartedAt, "the bystander is %v", told)
}

// resumed finds that the bystander's log goes on: numbers are missing, lines are whole.
func (c *client) resumed() {
	c.lives()
	w, last := witnessed(), 0
	size := must(os.Stat(w.Log)).Size()
	until(patience, func() string {
		if must(os.Stat(w.Log)).Size() > size {
			return ""
		}
		return "the bystander's log does not go on"
	})
	lines := strings.Split(string(must(os.ReadFile(w.Log))), "\n")
	for i, line := range lines[:len(lines)-1] {
		words := strings.Fields(line)
		ensure(len(words) == 4 && words[1] == "stdout" && words[2] == "F" && number(words[3]) > last, "line %d of the log is %q", i+1, line)
		last = number(words[3])
	}
}

// counted is how far a log of `probe count` goes. It has every number once.
func counted(log string) int {
	lines := strings.Split(string(must(os.ReadFile(log))), "\n")
	for i, line := range lines[:len(lines)-1] {
		ensure(strings.HasSuffix(line, fmt.Sprint(" stdout F ", i+1)), "line %d of %s is %q", i+1, log, line)
	}
	return len(lines) - 1
}

// Much to do.

func (c *client) cycle(i int) {
	config := pod("trial", fmt.Sprint("cycle-", i), false)
	id := c.run(config)
	one := c.create(id, config, container(image))
	c.start(one)
	if i%10 == 0 {
		ensure(c.exec(one, "/bin/probe", "exit", "7").ExitCode == 7, "an exec ended otherwise")
	}
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

// Kills.

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
	t.client = connect()
	do.after(t)
	t.undisturbed()
	t.removePods("trial")
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
		before: func(t *trial) { t.withRunning(true) },
		call:   stopContainer,
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

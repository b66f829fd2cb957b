// survivor does with a CRI server what a kubelet does, where the server dies meanwhile, or where there is much to do.
//
// `survivor configure` gives the node a network. `survivor bystander` starts a pod that counts in its log, and every other word finds that
// it never noticed anything; `survivor bystander-ends` ends it. `survivor fail RPC STEP PULLABLE` has the server killed at a step of an
// RPC (see applets/node/cri/src/step.rs) or, for the step `ms:N`, N milliseconds after the call, asks again as a kubelet does, and cleans up.
// `survivor cycles N` makes and removes N pods, `survivor crowd FROM TO` adds pods until there are TO, `survivor disperse` removes what is
// left of any. `survivor lives` and `survivor resumed` find that the bystander lives where there is no room, and that its log goes on where
// there was none. `survivor monitor-dies` kills a pod's monitor. `survivor pod` makes and removes one. `starts`, `fill` and `pull` are for the bench: see measure.go. Each ends with 0 and `all is well`,
// or with a sentence.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
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
	image = "kutties.test/probe:1"
	// Where kills are ordered, a line each: STEP PID.
	orders = "/run/kutties/kill-at"
	// Where the bystander is noted.
	noted = "/tmp/survivor.json"
	// Logs of pods, a directory each.
	logs = "/var/log/pods/survivor"
	// What the node's own network is made of, and what it is changed to for a moment.
	share, otherShare = "10.244.99.0/24", "10.244.98.0/24"
	// All that one RPC may take under emulation, on a busy machine.
	patience = 3 * time.Minute
	// How long a killed server may take to be there again.
	comeback = time.Minute
)

var socket = socketInUse()

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
	case "starts":
		c.starts(number(words[1]))
	case "fill":
		c.fill(number(words[1]), number(words[2]))
	case "pull":
		c.pull(words[1])
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
	directory := filepath.Join(logs, name)
	check(os.MkdirAll(directory, 0o755))
	config := &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: name, Uid: "uid-" + name, Namespace: "survivor"},
		LogDirectory: directory,
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

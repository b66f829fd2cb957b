// cri-client asks a CRI server as a client of another make does: with the messages and stubs of k8s.io/cri-api.
//
// `cri-client descriptor` writes what the module's messages, enums and services consist of, a line each, for a comparison with ours.
// `cri-client calls SOCKET IMAGE` calls every RPC: once with every field of the request set, whatever the answer, and once in a pod's
// life in which every field that the server can honour is set and comes back. It ends with 0 when all was as it must be.
// `cri-client nonce SOCKET IMAGE WORD` ends with 0 when a container has said the word.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	// For the options of fields.
	_ "google.golang.org/protobuf/types/descriptorpb"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "cri-client:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "descriptor":
		return describe()
	case len(args) == 3 && args[0] == "calls":
		return calls(context.Background(), args[1], args[2])
	}
	if len(args) == 4 && args[0] == "nonce" {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		return nonce(ctx, args[1], args[2], args[3])
	}
	return fmt.Errorf("usage: cri-client descriptor | calls SOCKET IMAGE | nonce SOCKET IMAGE WORD")
}

// file is the descriptor of the interface.
func file() protoreflect.FileDescriptor {
	return (&cri.VersionRequest{}).ProtoReflect().Descriptor().ParentFile()
}

func describe() error {
	var lines []string
	add := func(format string, values ...any) { lines = append(lines, fmt.Sprintf(format, values...)) }
	services := file().Services()
	for i := range services.Len() {
		methods := services.Get(i).Methods()
		for j := range methods.Len() {
			m := methods.Get(j)
			add("rpc %s/%s %s %s %t %t", services.Get(i).Name(), m.Name(), m.Input().Name(), m.Output().Name(),
				m.IsStreamingClient(), m.IsStreamingServer())
		}
	}
	describeEnums(file().Enums(), add)
	describeMessages(file().Messages(), add)
	sort.Strings(lines)
	for _, line := range lines {
		fmt.Println(line)
	}
	return nil
}

func describeEnums(enums protoreflect.EnumDescriptors, add func(string, ...any)) {
	for i := range enums.Len() {
		values := enums.Get(i).Values()
		for j := range values.Len() {
			add("enum %s.%s %d", enums.Get(i).Name(), values.Get(j).Name(), values.Get(j).Number())
		}
	}
}

func describeMessages(messages protoreflect.MessageDescriptors, add func(string, ...any)) {
	for i := range messages.Len() {
		m := messages.Get(i)
		if m.IsMapEntry() {
			continue
		}
		add("message %s", m.Name())
		for j := range m.Fields().Len() {
			f := m.Fields().Get(j)
			note := ""
			if options, ok := f.Options().(interface{ GetDeprecated() bool }); ok && options.GetDeprecated() {
				note = " deprecated"
			}
			add("field %s.%s %d %s%s", m.Name(), f.Name(), f.Number(), kind(f), note)
		}
		describeEnums(m.Enums(), add)
		describeMessages(m.Messages(), add)
	}
}

// kind is a field's type: `string`, `repeated Mount`, `map string string`.
func kind(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return fmt.Sprintf("map %s %s", kind(f.MapKey()), kind(f.MapValue()))
	case f.IsList():
		return "repeated " + single(f)
	}
	return single(f)
}

func single(f protoreflect.FieldDescriptor) string {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return string(f.Message().Name())
	case protoreflect.EnumKind:
		return string(f.Enum().Name())
	}
	return f.Kind().String()
}

// conversation is a connection that notes which RPCs were called.
type conversation struct {
	runtime cri.RuntimeServiceClient
	images  cri.ImageServiceClient
	conn    *grpc.ClientConn
	called  map[string]bool
}

func connect(socket string) (*conversation, error) {
	c := &conversation{called: map[string]bool{}}
	unary := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		c.called[method] = true
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	stream := func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, begin grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		c.called[method] = true
		return begin(ctx, desc, cc, method, opts...)
	}
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(unary), grpc.WithStreamInterceptor(stream))
	if err != nil {
		return nil, err
	}
	c.conn, c.runtime, c.images = conn, cri.NewRuntimeServiceClient(conn), cri.NewImageServiceClient(conn)
	return c, nil
}

func calls(ctx context.Context, socket, image string) error {
	ctx, cancel := context.WithTimeout(ctx, 6*time.Minute)
	defer cancel()
	c, err := connect(socket)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	if err := c.life(ctx, image); err != nil {
		return err
	}
	if err := c.full(ctx); err != nil {
		return err
	}
	if err := c.missing(); err != nil {
		return err
	}
	fmt.Println("all is well")
	return nil
}

// unimplemented are the RPCs that may be: nothing else may answer so.
var unimplemented = map[string]bool{
	"CheckpointContainer": true, "CheckpointPod": true, "RestorePod": true,
	"ListMetricDescriptors": true, "ListPodSandboxMetrics": true, "StreamPodSandboxMetrics": true,
}

// full calls every RPC with every field of its request set to something: each must answer or refuse in good order.
func (c *conversation) full(ctx context.Context) error {
	services := file().Services()
	for i := range services.Len() {
		service := services.Get(i)
		for j := range service.Methods().Len() {
			method := service.Methods().Get(j)
			name := fmt.Sprintf("/%s/%s", service.FullName(), method.Name())
			request := create(method.Input())
			fill(request, 0)
			answer := create(method.Output())
			err := c.call(ctx, name, method.IsStreamingServer(), request, answer)
			state := status.Convert(err)
			fmt.Printf("%s: %s %s\n", method.Name(), state.Code(), state.Message())
			switch state.Code() {
			case codes.OK, codes.NotFound, codes.InvalidArgument, codes.FailedPrecondition:
			case codes.DeadlineExceeded:
				if method.Name() != "GetContainerEvents" {
					return fmt.Errorf("%s did not answer", method.Name())
				}
			case codes.Unimplemented:
				// A request may hold something that can't be given; then the sentence says what, and more than the RPC's name.
				whole := state.Message() == "" || strings.HasPrefix(state.Message(), snake(string(method.Name()))+" is not")
				if whole && !unimplemented[string(method.Name())] {
					return fmt.Errorf("%s is not there: %q", method.Name(), state.Message())
				}
			default:
				// An image of a name that no registry has can't be pulled, in more than one way.
				if method.Name() != "PullImage" || state.Message() == "" {
					return fmt.Errorf("%s with every field set: %w", method.Name(), err)
				}
			}
		}
	}
	return nil
}

// snake is a method's name as a Rust function has it.
func snake(name string) string {
	var words strings.Builder
	for i, letter := range name {
		if i > 0 && letter >= 'A' && letter <= 'Z' {
			words.WriteByte('_')
		}
		words.WriteRune(letter)
	}
	return strings.ToLower(words.String())
}

func (c *conversation) call(ctx context.Context, name string, streams bool, request, answer protoreflect.ProtoMessage) error {
	if !streams {
		return c.conn.Invoke(ctx, name, request, answer)
	}
	// The one stream that does not end by itself is left alone after a moment.
	limit := time.Minute
	if strings.HasSuffix(name, "/GetContainerEvents") {
		limit = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	stream, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, name)
	if err != nil {
		return err
	}
	if err := stream.SendMsg(request); err != nil {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	for {
		if err := stream.RecvMsg(answer); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func create(message protoreflect.MessageDescriptor) protoreflect.ProtoMessage {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(message.FullName())
	if err != nil {
		panic(err)
	}
	return kind.New().Interface()
}

// fill sets every field of a message and of those in it, deep enough for all of the interface.
func fill(message protoreflect.ProtoMessage, depth int) {
	m := message.ProtoReflect()
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case depth > 8:
		case f.IsMap():
			entries := m.Mutable(f).Map()
			entries.Set(value(f.MapKey(), depth).MapKey(), value(f.MapValue(), depth))
		case f.IsList():
			m.Mutable(f).List().Append(value(f, depth))
		default:
			m.Set(f, value(f, depth))
		}
	}
}

func value(f protoreflect.FieldDescriptor, depth int) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(f.Enum().Values().Get(f.Enum().Values().Len() - 1).Number())
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(7)
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(7)
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(7)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(7)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(7)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte("seven"))
	case protoreflect.MessageKind:
		inner := create(f.Message())
		fill(inner, depth+1)
		return protoreflect.ValueOfMessage(inner.ProtoReflect())
	}
	return protoreflect.ValueOfString("cri-client-" + string(f.Name()))
}

// missing names what was not called.
func (c *conversation) missing() error {
	services := file().Services()
	for i := range services.Len() {
		for j := range services.Get(i).Methods().Len() {
			name := fmt.Sprintf("/%s/%s", services.Get(i).FullName(), services.Get(i).Methods().Get(j).Name())
			if !c.called[name] {
				return fmt.Errorf("%s was never called", name)
			}
		}
	}
	return nil
}

// must is for what can't fail when the server is right; life recovers it as its error.
func must[T any](what string) func(T, error) T {
	return func(answer T, err error) T {
		if err != nil {
			panic(fmt.Errorf("%s: %w", what, err))
		}
		return answer
	}
}

func same(what string, got, wanted any) {
	a, b := fmt.Sprint(got), fmt.Sprint(wanted)
	if a != b {
		panic(fmt.Errorf("%s is %s, not %s", what, a, b))
	}
}

// life is a pod's, with every field that can be honoured.
func (c *conversation) life(ctx context.Context, image string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(error); ok {
				err = e
				return
			}
			panic(r)
		}
	}()
	logs := must[string]("a directory")(os.MkdirTemp("", "cri-client"))
	defer os.RemoveAll(logs)
	events := must[grpc.ServerStreamingClient[cri.ContainerEventResponse]]("GetContainerEvents")(c.runtime.GetContainerEvents(ctx, &cri.GetEventsRequest{}))
	pod := sandbox(logs)
	id := must[*cri.RunPodSandboxResponse]("RunPodSandbox")(c.runtime.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: pod, RuntimeHandler: "kutties"})).PodSandboxId
	defer c.runtime.RemovePodSandbox(context.WithoutCancel(ctx), &cri.RemovePodSandboxRequest{PodSandboxId: id})
	c.sandboxIs(ctx, id, pod)
	container := c.container(ctx, id, pod, image)
	c.lists(ctx, id, container, pod)
	c.changes(ctx, id, container)
	c.runtime.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: container, Timeout: 1})
	ended := c.status(ctx, container)
	same("the state", ended.State, cri.ContainerState_CONTAINER_EXITED)
	must[*cri.RemoveContainerResponse]("RemoveContainer")(c.runtime.RemoveContainer(ctx, &cri.RemoveContainerRequest{ContainerId: container}))
	must[*cri.StopPodSandboxResponse]("StopPodSandbox")(c.runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: id}))
	must[*cri.RemovePodSandboxResponse]("RemovePodSandbox")(c.runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: id}))
	heard := map[string]int{}
	for !(heard[id+"CONTAINER_DELETED_EVENT"] > 0) {
		event := must[*cri.ContainerEventResponse]("an event")(events.Recv())
		if event.PodSandboxStatus.GetId() == id {
			heard[event.ContainerId+event.ContainerEventType.String()]++
		}
	}
	for _, what := range []string{"CREATED", "STARTED", "STOPPED", "DELETED"} {
		same("how often was heard that the container was "+what, heard[container+"CONTAINER_"+what+"_EVENT"], 1)
	}
	return nil
}

func sandbox(logs string) *cri.PodSandboxConfig {
	return &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: "cri-client", Uid: fmt.Sprint("uid-", os.Getpid()), Namespace: "tests", Attempt: 3},
		Hostname:     "called-so",
		LogDirectory: logs,
		DnsConfig:    &cri.DNSConfig{Servers: []string{"192.0.2.53"}, Searches: []string{"a.example"}, Options: []string{"ndots:2"}},
		PortMappings: []*cri.PortMapping{{Protocol: cri.Protocol_UDP, ContainerPort: 53, HostPort: 15353, HostIp: "0.0.0.0"}},
		Labels:       map[string]string{"label": "of the pod"},
		Annotations:  map[string]string{"annotation": "of the pod"},
		Linux: &cri.LinuxPodSandboxConfig{
			Sysctls:   map[string]string{"net.ipv4.ip_local_port_range": "40000 40100"},
			Overhead:  &cri.LinuxContainerResources{CpuShares: 3},
			Resources: &cri.LinuxContainerResources{CpuShares: 200, MemoryLimitInBytes: 256 << 20},
			SecurityContext: &cri.LinuxSandboxSecurityContext{
				NamespaceOptions: &cri.NamespaceOption{Pid: cri.NamespaceMode_POD, UsernsOptions: &cri.UserNamespace{Mode: cri.NamespaceMode_NODE}},
				RunAsUser:        &cri.Int64Value{Value: 1000}, RunAsGroup: &cri.Int64Value{Value: 1000}, ReadonlyRootfs: true,
				SupplementalGroups: []int64{4000}, SupplementalGroupsPolicy: cri.SupplementalGroupsPolicy_Strict,
				Seccomp: &cri.SecurityProfile{ProfileType: cri.SecurityProfile_RuntimeDefault}, Apparmor: &cri.SecurityProfile{},
			},
		},
	}
}

func (c *conversation) sandboxIs(ctx context.Context, id string, pod *cri.PodSandboxConfig) {
	answer := must[*cri.PodSandboxStatusResponse]("PodSandboxStatus")(c.runtime.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: id, Verbose: true}))
	told := answer.Status
	same("the pod's metadata", told.Metadata, pod.Metadata)
	same("the pod's labels", told.Labels, pod.Labels)
	same("the pod's annotations", told.Annotations, pod.Annotations)
	same("the pod's state", told.State, cri.PodSandboxState_SANDBOX_READY)
	same("the pod's handler", told.RuntimeHandler, "kutties")
	same("the pod's namespaces", told.Linux.Namespaces.Options, pod.Linux.SecurityContext.NamespaceOptions)
	if told.Network.Ip == "" || answer.Info["info"] == "" || answer.Timestamp == 0 {
		panic(fmt.Errorf("the pod's status is %v", answer))
	}
}

func (c *conversation) status(ctx context.Context, id string) *cri.ContainerStatus {
	return must[*cri.ContainerStatusResponse]("ContainerStatus")(c.runtime.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id, Verbose: true})).Status
}

// container makes one, compares what is told of it, and starts it.
func (c *conversation) container(ctx context.Context, pod string, of *cri.PodSandboxConfig, image string) string {
	wanted := &cri.ContainerConfig{
		Metadata:   &cri.ContainerMetadata{Name: "main", Attempt: 2},
		Image:      &cri.ImageSpec{Image: image, UserSpecifiedImage: image, Annotations: map[string]string{"a": "b"}},
		Command:    []string{"/bin/probe"},
		Args:       []string{"hello"},
		WorkingDir: "/tmp",
		Envs:       []*cri.KeyValue{{Key: "NAME", Value: []byte("value")}},
		Mounts: []*cri.Mount{
			{ContainerPath: "/host", HostPath: "/tmp", Readonly: true, RecursiveReadOnly: true, MountOptions: []string{"noexec", "nosuid"}},
			{ContainerPath: "/image", Readonly: true, Image: &cri.ImageSpec{Image: image}, ImageSubPath: "etc"},
		},
		Devices:     []*cri.Device{{ContainerPath: "/dev/called-so", HostPath: "/dev/null", Permissions: "rw"}},
		Labels:      map[string]string{"label": "of the container"},
		Annotations: map[string]string{"annotation": "of the container"},
		LogPath:     "main.log",
		Stdin:       true,
		StdinOnce:   true,
		StopSignal:  cri.Signal_SIGNAL_SIGINT,
		Linux: &cri.LinuxContainerConfig{
			Resources: &cri.LinuxContainerResources{
				CpuPeriod: 100000, CpuQuota: 30000, CpuShares: 512, MemoryLimitInBytes: 64 << 20, OomScoreAdj: 500, CpusetCpus: "0", CpusetMems: "0",
				// Memory and swap together.
				MemorySwapLimitInBytes: 96 << 20, HugepageLimits: []*cri.HugepageLimit{{PageSize: "2MB", Limit: 4 << 20}},
				Unified: map[string]string{"memory.high": fmt.Sprint(60 << 20), "memory.oom.group": "1"},
			},
			SecurityContext: &cri.LinuxContainerSecurityContext{
				Capabilities:     &cri.Capability{DropCapabilities: []string{"ALL"}, AddCapabilities: []string{"NET_ADMIN"}, AddAmbientCapabilities: []string{"NET_BIND_SERVICE"}},
				NamespaceOptions: of.Linux.SecurityContext.NamespaceOptions,
				RunAsUser:        &cri.Int64Value{Value: 1000}, RunAsGroup: &cri.Int64Value{Value: 1001},
				ReadonlyRootfs: true, SupplementalGroups: []int64{4000}, SupplementalGroupsPolicy: cri.SupplementalGroupsPolicy_Strict,
				NoNewPrivs: true, MaskedPaths: []string{"/proc/kcore"}, ReadonlyPaths: []string{"/proc/sys"},
				Seccomp: &cri.SecurityProfile{ProfileType: cri.SecurityProfile_RuntimeDefault}, Apparmor: &cri.SecurityProfile{},
				// The deprecated fields come second.
				SeccompProfilePath: "unconfined", ApparmorProfile: "localhost/no-such-profile",
			},
		},
	}
	request := &cri.CreateContainerRequest{PodSandboxId: pod, Config: wanted, SandboxConfig: of}
	id := must[*cri.CreateContainerResponse]("CreateContainer")(c.runtime.CreateContainer(ctx, request)).ContainerId
	told := c.status(ctx, id)
	same("the container's metadata", told.Metadata, wanted.Metadata)
	same("its labels", told.Labels, wanted.Labels)
	same("its annotations", told.Annotations, wanted.Annotations)
	same("its resources", told.Resources.Linux, wanted.Linux.Resources)
	same("its stop signal", told.StopSignal, wanted.StopSignal)
	same("its user", told.User.Linux, &cri.LinuxContainerUser{Uid: 1000, Gid: 1001, SupplementalGroups: []int64{1001, 4000}})
	same("its first mount", told.Mounts[0], wanted.Mounts[0])
	same("its second mount's path", told.Mounts[1].ImageSubPath, "etc")
	same("its log", told.LogPath, of.LogDirectory+"/main.log")
	same("its image", told.Image.Image, image)
	if told.ImageId == "" || told.ImageRef == "" || told.Mounts[1].Image.ImageRef == "" {
		panic(fmt.Errorf("the images are told as %v", told))
	}
	must[*cri.StartContainerResponse]("StartContainer")(c.runtime.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: id}))
	sees := c.exec(ctx, id, "/bin/probe", "show", "/image/group")
	for _, line := range []string{
		"Uid: 1000 1000 1000 1000", "Gid: 1001 1001 1001 1001", "Groups: 1001 4000", "NoNewPrivs: 1", "Seccomp: 2", "cwd: /tmp", "env NAME: value",
		"CapAmb: 0000000000000400", "CapBnd: 0000000000001400", "cpu.max: 30000 100000", "memory.max: 67108864", "memory.high: 62914560",
		"memory.swap.max: 33554432", "hugetlb.2MB.max: 4194304", "memory.oom.group: 1", "cpuset.cpus: 0", "host name: called-so", "oom_score_adj: 500", "/image/group| probe:x:1000:",
	} {
		if !strings.Contains(sees, "\n"+line+"\n") && !strings.HasPrefix(sees, line+"\n") {
			panic(fmt.Errorf("the container does not see %q:\n%s", line, sees))
		}
	}
	return id
}

func (c *conversation) exec(ctx context.Context, id string, command ...string) string {
	request := &cri.ExecSyncRequest{ContainerId: id, Cmd: command, Timeout: 60}
	done := must[*cri.ExecSyncResponse]("ExecSync")(c.runtime.ExecSync(ctx, request))
	same("the exit code of "+strings.Join(command, " "), done.ExitCode, 0)
	return string(done.Stdout)
}

func all[T any, R any](what string, stream grpc.ServerStreamingClient[R], err error, items func(*R) []T) []T {
	must[any](what)(nil, err)
	var found []T
	for {
		piece, err := stream.Recv()
		if err == io.EOF {
			return found
		}
		must[any](what)(nil, err)
		if len(items(piece)) == 0 {
			panic(fmt.Errorf("%s: a piece without items", what))
		}
		found = append(found, items(piece)...)
	}
}

// lists asks for the pod and the container by every filter, and by streams.
func (c *conversation) lists(ctx context.Context, pod, container string, of *cri.PodSandboxConfig) {
	pods := &cri.PodSandboxFilter{Id: pod, State: &cri.PodSandboxStateValue{}, LabelSelector: of.Labels}
	same("pods in the list", len(must[*cri.ListPodSandboxResponse]("ListPodSandbox")(c.runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{Filter: pods})).Items), 1)
	podStream, err := c.runtime.StreamPodSandboxes(ctx, &cri.StreamPodSandboxesRequest{Filter: pods})
	same("pods in the stream", len(all("StreamPodSandboxes", podStream, err, (*cri.StreamPodSandboxesResponse).GetPodSandboxes)), 1)
	containers := &cri.ContainerFilter{
		Id: container, PodSandboxId: pod, State: &cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING},
		LabelSelector: map[string]string{"label": "of the container"},
	}
	same("containers in the list", len(must[*cri.ListContainersResponse]("ListContainers")(c.runtime.ListContainers(ctx, &cri.ListContainersRequest{Filter: containers})).Containers), 1)
	stream, err := c.runtime.StreamContainers(ctx, &cri.StreamContainersRequest{Filter: containers})
	same("containers in the stream", len(all("StreamContainers", stream, err, (*cri.StreamContainersResponse).GetContainers)), 1)
	stats := &cri.ContainerStatsFilter{Id: container, PodSandboxId: pod, LabelSelector: containers.LabelSelector}
	same("containers in the statistics", len(must[*cri.ListContainerStatsResponse]("ListContainerStats")(c.runtime.ListContainerStats(ctx, &cri.ListContainerStatsRequest{Filter: stats})).Stats), 1)
	statsStream, err := c.runtime.StreamContainerStats(ctx, &cri.StreamContainerStatsRequest{Filter: stats})
	same("containers in the statistics' stream", len(all("StreamContainerStats", statsStream, err, (*cri.StreamContainerStatsResponse).GetContainerStats)), 1)
	podStats := &cri.PodSandboxStatsFilter{Id: pod, LabelSelector: of.Labels}
	same("pods in the statistics", len(must[*cri.ListPodSandboxStatsResponse]("ListPodSandboxStats")(c.runtime.ListPodSandboxStats(ctx, &cri.ListPodSandboxStatsRequest{Filter: podStats})).Stats), 1)
	podStatsStream, err := c.runtime.StreamPodSandboxStats(ctx, &cri.StreamPodSandboxStatsRequest{Filter: podStats})
	same("pods in the statistics' stream", len(all("StreamPodSandboxStats", podStatsStream, err, (*cri.StreamPodSandboxStatsResponse).GetPodSandboxStats)), 1)
	used := must[*cri.PodSandboxStatsResponse]("PodSandboxStats")(c.runtime.PodSandboxStats(ctx, &cri.PodSandboxStatsRequest{PodSandboxId: pod})).Stats.Linux
	own := must[*cri.ContainerStatsResponse]("ContainerStats")(c.runtime.ContainerStats(ctx, &cri.ContainerStatsRequest{ContainerId: container})).Stats
	if used.Cpu.UsageCoreNanoSeconds.Value == 0 || used.Memory.UsageBytes.Value == 0 || used.Process.ProcessCount.Value < 2 ||
		used.Network.DefaultInterface.Name != "eth0" || len(used.Containers) != 1 || own.Memory.WorkingSetBytes.Value == 0 || own.WritableLayer == nil {
		panic(fmt.Errorf("the statistics are %v and %v", used, own))
	}
}

// changes resizes both, and turns the log over.
func (c *conversation) changes(ctx context.Context, pod, container string) {
	change := &cri.LinuxContainerResources{CpuQuota: 40000, MemoryLimitInBytes: 80 << 20, HugepageLimits: []*cri.HugepageLimit{{PageSize: "2MB", Limit: 2 << 20}}, Unified: map[string]string{"memory.high": "max"}}
	must[*cri.UpdateContainerResourcesResponse]("UpdateContainerResources")(c.runtime.UpdateContainerResources(ctx, &cri.UpdateContainerResourcesRequest{ContainerId: container, Linux: change}))
	told := c.status(ctx, container).Resources.Linux
	same("the quota", told.CpuQuota, 40000)
	same("the shares, which did not change", told.CpuShares, 512)
	sees := c.exec(ctx, container, "/bin/probe", "show")
	for _, line := range []string{"cpu.max: 40000 100000", "memory.max: 83886080", "memory.swap.max: 16777216", "hugetlb.2MB.max: 2097152", "memory.high: max"} {
		if !strings.Contains(sees, "\n"+line+"\n") {
			panic(fmt.Errorf("the container does not see %q:\n%s", line, sees))
		}
	}
	resize := &cri.UpdatePodSandboxResourcesRequest{PodSandboxId: pod, Overhead: &cri.LinuxContainerResources{CpuShares: 4}, Resources: &cri.LinuxContainerResources{CpuShares: 300}}
	must[*cri.UpdatePodSandboxResourcesResponse]("UpdatePodSandboxResources")(c.runtime.UpdatePodSandboxResources(ctx, resize))
	must[*cri.ReopenContainerLogResponse]("ReopenContainerLog")(c.runtime.ReopenContainerLog(ctx, &cri.ReopenContainerLogRequest{ContainerId: container}))
}

// nonce has a container on the host's network say a word, and says what the container's log holds of it.
func nonce(ctx context.Context, socket, image, word string) error {
	c, err := connect(socket)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	logs, err := os.MkdirTemp("", "nonce")
	if err != nil {
		return err
	}
	defer os.RemoveAll(logs)
	host := &cri.NamespaceOption{Network: cri.NamespaceMode_NODE}
	pod := &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: "nonce", Uid: "nonce", Namespace: "tests"},
		LogDirectory: logs,
		Linux:        &cri.LinuxPodSandboxConfig{SecurityContext: &cri.LinuxSandboxSecurityContext{NamespaceOptions: host}},
	}
	sandbox, err := c.runtime.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: pod})
	if err != nil {
		return err
	}
	defer c.runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: sandbox.PodSandboxId})
	container := &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: "nonce"},
		Image:    &cri.ImageSpec{Image: image},
		Args:     []string{"show"},
		Envs:     []*cri.KeyValue{{Key: "NONCE", Value: []byte(word)}},
		LogPath:  "log",
		Linux:    &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{NamespaceOptions: host}},
	}
	created, err := c.runtime.CreateContainer(ctx, &cri.CreateContainerRequest{PodSandboxId: sandbox.PodSandboxId, Config: container, SandboxConfig: pod})
	if err != nil {
		return err
	}
	if _, err := c.runtime.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: created.ContainerId}); err != nil {
		return err
	}
	return found(ctx, filepath.Join(logs, "log"), "env NONCE: "+word)
}

// found waits until a file holds some words.
func found(ctx context.Context, path, words string) error {
	for {
		text, _ := os.ReadFile(path)
		if strings.Contains(string(text), words) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the container's log holds %q", text)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// A client of the runtime's streaming URLs: every transport, every version of the protocols.
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	exec "k8s.io/client-go/util/exec"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/streaming/pkg/httpstream"
)

var (
	socket    = flag.String("socket", "unix:///run/kutties/cri.sock", "the runtime")
	container = flag.String("container", "", "a container with busybox that prints a line each second")
	sandbox   = flag.String("sandbox", "", "a pod that echoes at the port")
	port      = flag.Int("port", 7000, "the port")
	size      = flag.Int("size", 4<<20, "bytes of the large transfers")
	runtime   cri.RuntimeServiceClient
)

// limit is how long one check may take under emulation.
const limit = 2 * time.Minute

func main() {
	flag.Parse()
	conn, err := grpc.NewClient(*socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println("FAILED", err)
		os.Exit(1)
	}
	runtime = cri.NewRuntimeServiceClient(conn)
	for _, protocol := range []string{"v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io"} {
		processes("spdy "+protocol, func(address string) (remotecommand.Executor, error) { return spdyExecutor(address, protocol) }, protocol[1] >= '4', protocol[1] >= '3', true)
	}
	for _, protocol := range []string{"v5.channel.k8s.io", "v4.channel.k8s.io"} {
		processes("websocket "+protocol, func(address string) (remotecommand.Executor, error) {
			return remotecommand.NewWebSocketExecutorForProtocols(&restclient.Config{Host: address}, "GET", address, protocol)
		}, true, true, protocol[1] >= '5')
	}
	for _, protocol := range []string{"v4.channel.k8s.io", "v4.base64.channel.k8s.io", "channel.k8s.io", "base64.channel.k8s.io", ""} {
		check("raw websocket "+protocol+" exec", func() error { return rawExec(protocol) })
	}
	for _, protocol := range []string{"v4.channel.k8s.io", "v4.base64.channel.k8s.io", ""} {
		check("raw websocket "+protocol+" port-forward", func() error { return rawForward(protocol) })
	}
	check("spdy port-forward", func() error { return forward(spdyDialer) })
	check("websocket port-forward", func() error { return forward(tunnelDialer) })
	check("no token is good twice", twice)
	fmt.Println("all is well")
}

func check(name string, run func() error) {
	done := make(chan error, 1)
	begin := time.Now()
	go func() { done <- run() }()
	var err error
	select {
	case err = <-done:
	case <-time.After(limit):
		err = fmt.Errorf("not done within %v", limit)
	}
	if err != nil {
		fmt.Printf("FAILED %s: %v\n", name, err)
		os.Exit(1)
	}
	fmt.Printf("ok %s (%.1f s)\n", name, time.Since(begin).Seconds())
}

func execURL(tty, stdin, stdout, stderr bool, command ...string) (string, error) {
	answer, err := runtime.Exec(context.Background(), &cri.ExecRequest{
		ContainerId: *container, Cmd: command, Tty: tty, Stdin: stdin, Stdout: stdout, Stderr: stderr,
	})
	return answer.GetUrl(), err
}

func spdyExecutor(address, protocol string) (remotecommand.Executor, error) {
	at, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	transport, upgrader, err := spdy.RoundTripperFor(&restclient.Config{Host: address})
	if err != nil {
		return nil, err
	}
	return remotecommand.NewSPDYExecutorForProtocols(transport, upgrader, "POST", at, protocol)
}

type makeExecutor func(address string) (remotecommand.Executor, error)

// processes tries exec and attach: with exit codes, sizes of terminals and ends of input where the version has them.
func processes(name string, make makeExecutor, codes, sizes, halves bool) {
	check(name+" streams and code", func() error {
		address, err := execURL(false, false, true, true, "sh", "-c", "echo to out; echo to err >&2; exit 7")
		if err != nil {
			return err
		}
		var out, errs bytes.Buffer
		err = stream(make, address, remotecommand.StreamOptions{Stdout: &out, Stderr: &errs})
		if out.String() != "to out\n" || errs.String() != "to err\n" {
			return fmt.Errorf("out %q, err %q, %v", out.String(), errs.String(), err)
		}
		var code exec.CodeExitError
		if codes && (!errors.As(err, &code) || code.Code != 7) || err == nil {
			return fmt.Errorf("it ended with %v", err)
		}
		return nil
	})
	check(name+" success", func() error {
		address, err := execURL(false, false, true, false, "true")
		if err != nil {
			return err
		}
		return stream(make, address, remotecommand.StreamOptions{Stdout: io.Discard})
	})
	check(name+" a large output", func() error {
		address, err := execURL(false, false, true, false, "head", "-c", fmt.Sprint(*size), "/dev/zero")
		if err != nil {
			return err
		}
		var out counter
		err = stream(make, address, remotecommand.StreamOptions{Stdout: &out})
		if err == nil && int(out) != *size {
			return fmt.Errorf("%d bytes came", out)
		}
		return err
	})
	if halves {
		check(name+" an input to its end", func() error {
			address, err := execURL(false, true, true, false, "cat")
			if err != nil {
				return err
			}
			sent := noise(*size)
			var out bytes.Buffer
			err = stream(make, address, remotecommand.StreamOptions{Stdin: bytes.NewReader(sent), Stdout: &out})
			if err == nil && !bytes.Equal(sent, out.Bytes()) {
				return fmt.Errorf("%d other bytes came", out.Len())
			}
			return err
		})
	}
	check(name+" a terminal", func() error {
		script := "until [ \"$(stty size)\" = '50 132' ]; do sleep 1; done; echo seen"
		if !sizes {
			script = "tty && echo seen"
		}
		address, err := execURL(true, true, true, false, "sh", "-c", script)
		if err != nil {
			return err
		}
		var out bytes.Buffer
		in, hold := io.Pipe()
		defer hold.Close()
		options := remotecommand.StreamOptions{Stdin: in, Stdout: &out, Tty: true, TerminalSizeQueue: &queue{{80, 24}, {132, 50}}}
		err = stream(make, address, options)
		if err == nil && !strings.Contains(out.String(), "seen\r\n") {
			return fmt.Errorf("it said %q", out.String())
		}
		return err
	})
	check(name+" attach", func() error {
		answer, err := runtime.Attach(context.Background(), &cri.AttachRequest{ContainerId: *container, Stdout: true, Stderr: true})
		if err != nil {
			return err
		}
		executor, err := make(answer.Url)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		seen := &finder{text: "tick", found: cancel}
		err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: seen, Stderr: io.Discard})
		if ctx.Err() == nil {
			return fmt.Errorf("it ended with %v after %q", err, seen.held)
		}
		return nil
	})
}

func stream(make makeExecutor, address string, options remotecommand.StreamOptions) error {
	executor, err := make(address)
	if err != nil {
		return err
	}
	return executor.StreamWithContext(context.Background(), options)
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

type finder struct {
	text  string
	held  string
	found func()
}

func (f *finder) Write(p []byte) (int, error) {
	f.held += string(p)
	if strings.Contains(f.held, f.text) {
		f.found()
	}
	return len(p), nil
}

type queue []remotecommand.TerminalSize

func (q *queue) Next() *remotecommand.TerminalSize {
	if len(*q) == 0 {
		return nil
	}
	next := (*q)[0]
	*q = (*q)[1:]
	return &next
}

func noise(length int) []byte {
	state, out := uint64(0x2545f4914f6cdd1d), make([]byte, length)
	for i := range out {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		out[i] = byte(state)
	}
	return out
}

// dial visits an address by a WebSocket without any of client-go; the messages of a channel come and go through it.
func dial(address, protocol string) (*websocket.Conn, error) {
	dialer := websocket.Dialer{}
	if protocol != "" {
		dialer.Subprotocols = []string{protocol}
	}
	conn, _, err := dialer.Dial(strings.Replace(address, "http://", "ws://", 1), nil)
	if err == nil && conn.Subprotocol() != protocol {
		err = fmt.Errorf("the protocol is %q", conn.Subprotocol())
	}
	return conn, err
}

func say(conn *websocket.Conn, protocol string, channel byte, text []byte) error {
	if strings.Contains(protocol, "base64") {
		return conn.WriteMessage(websocket.TextMessage, []byte(fmt.Sprint(channel)+base64.StdEncoding.EncodeToString(text)))
	}
	return conn.WriteMessage(websocket.BinaryMessage, append([]byte{channel}, text...))
}

func hear(conn *websocket.Conn, protocol string) (byte, []byte, error) {
	_, message, err := conn.ReadMessage()
	if err != nil || len(message) == 0 {
		return 0, nil, err
	}
	if strings.Contains(protocol, "base64") {
		text, err := base64.StdEncoding.DecodeString(string(message[1:]))
		return message[0] - '0', text, err
	}
	return message[0], message[1:], nil
}

func rawExec(protocol string) error {
	address, err := execURL(false, true, true, true, "sh", "-c", "head -n 1; exit 7")
	if err != nil {
		return err
	}
	conn, err := dial(address, protocol)
	if err != nil {
		return err
	}
	defer conn.Close()
	if channel, text, err := hear(conn, protocol); err != nil || channel != 1 || len(text) != 0 {
		return fmt.Errorf("the first message is %d %q, %v", channel, text, err)
	}
	if err := say(conn, protocol, 0, []byte("one line\n")); err != nil {
		return err
	}
	heard := map[byte]string{}
	for {
		channel, text, err := hear(conn, protocol)
		if websocket.IsCloseError(err, websocket.CloseNormalClosure) {
			break
		}
		if err != nil {
			return err
		}
		heard[channel] += string(text)
	}
	if heard[1] != "one line\n" || !strings.Contains(heard[3], "7") || strings.HasPrefix(heard[3], "{") != strings.HasPrefix(protocol, "v4") {
		return fmt.Errorf("it said %q", heard)
	}
	return nil
}

func forwardURL(ports ...int32) (string, error) {
	answer, err := runtime.PortForward(context.Background(), &cri.PortForwardRequest{PodSandboxId: *sandbox, Port: ports})
	return answer.GetUrl(), err
}

func rawForward(protocol string) error {
	address, err := forwardURL(int32(*port))
	if err != nil {
		return err
	}
	conn, err := dial(address, protocol)
	if err != nil {
		return err
	}
	defer conn.Close()
	want := string([]byte{byte(*port), byte(*port >> 8)})
	for _, wanted := range []byte{0, 1} {
		if channel, text, err := hear(conn, protocol); err != nil || channel != wanted || string(text) != want {
			return fmt.Errorf("channel %d begins with %q, %v", channel, text, err)
		}
	}
	if err := say(conn, protocol, 0, []byte("echo this")); err != nil {
		return err
	}
	channel, text, err := hear(conn, protocol)
	if err != nil || channel != 0 || string(text) != "echo this" {
		return fmt.Errorf("channel %d said %q, %v", channel, text, err)
	}
	return nil
}

type makeDialer func(address *url.URL) (httpstream.Dialer, error)

func spdyDialer(address *url.URL) (httpstream.Dialer, error) {
	transport, upgrader, err := spdy.RoundTripperFor(&restclient.Config{Host: address.String()})
	if err != nil {
		return nil, err
	}
	return spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, "POST", address), nil
}

func tunnelDialer(address *url.URL) (httpstream.Dialer, error) {
	return portforward.NewSPDYOverWebsocketDialerForStreaming(address, &restclient.Config{Host: address.String()})
}

// forward opens twenty connections at once, each with bytes of its own.
func forward(make makeDialer) error {
	text, err := forwardURL(int32(*port))
	if err != nil {
		return err
	}
	address, err := url.Parse(text)
	if err != nil {
		return err
	}
	dialer, err := make(address)
	if err != nil {
		return err
	}
	stop, ready, failed := newChan(), newChan(), newChan()
	defer close(stop)
	var said bytes.Buffer
	forwarder, err := portforward.NewForStreaming(dialer, []string{fmt.Sprintf(":%d", *port)}, stop, ready, io.Discard, &said)
	if err != nil {
		return err
	}
	go func() {
		err = forwarder.ForwardPorts()
		close(failed)
	}()
	select {
	case <-ready:
	case <-failed:
		return err
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	results := [20]error{}
	for i := range results {
		all.Add(1)
		go func() {
			defer all.Done()
			results[i] = echoed(int(ports[0].Local), noise(50000 + i)[i:])
		}()
	}
	all.Wait()
	if err := errors.Join(results[:]...); err != nil {
		return fmt.Errorf("%w; %s", err, said.String())
	}
	return nil
}

func newChan() chan struct{} { return make(chan struct{}) }

func echoed(port int, sent []byte) error {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		_, _ = conn.Write(sent)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	back, err := io.ReadAll(conn)
	if err == nil && !bytes.Equal(back, sent) {
		err = fmt.Errorf("%d of %d bytes came back", len(back), len(sent))
	}
	return err
}

func twice() error {
	address, err := execURL(false, false, true, false, "true")
	if err != nil {
		return err
	}
	make := func(address string) (remotecommand.Executor, error) { return spdyExecutor(address, "v4.channel.k8s.io") }
	if err := stream(make, address, remotecommand.StreamOptions{Stdout: io.Discard}); err != nil {
		return err
	}
	if stream(make, address, remotecommand.StreamOptions{Stdout: io.Discard}) == nil {
		return errors.New("a token is good twice")
	}
	return nil
}

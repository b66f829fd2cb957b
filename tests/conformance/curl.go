// The little of curl, and as `nc` of netcat, that upstream's specs ask of the agnhost image: Debian has neither as a static program, and
// busybox's nc has no UDP. An option that is not here is an error.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// What the options say.
type call struct {
	url, method, body, output, writeOut string
	headers, fail, insecure, silent     bool
	whole, connect                      time.Duration
}

// curl's own exit codes.
const (
	badOption  = 2
	noHost     = 6
	noConnect  = 7
	httpError  = 22
	writeError = 23
	tooLate    = 28
)

func main() {
	if filepath.Base(os.Args[0]) == "nc" {
		if err := netcat(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "nc:", err)
			os.Exit(1)
		}
		return
	}
	c, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "curl:", err)
		os.Exit(badOption)
	}
	code, err := c.run()
	if err != nil && !c.silent {
		fmt.Fprintf(os.Stderr, "curl: (%d) %v\n", code, err)
	}
	os.Exit(code)
}

func parse(args []string) (*call, error) {
	c := &call{method: http.MethodGet}
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		if !strings.HasPrefix(word, "-") {
			if c.url != "" {
				return nil, fmt.Errorf("more than one URL: %s", word)
			}
			c.url = word
			continue
		}
		// One letter may follow another; the value of the last may be glued to it.
		var letters []string
		if strings.HasPrefix(word, "--") {
			letters = []string{word}
		} else {
			letters = strings.Split(word[1:], "")
		}
		for i, letter := range letters {
			value := func() (string, error) {
				if rest := strings.Join(letters[i+1:], ""); rest != "" {
					return rest, nil
				}
				if len(args) == 0 {
					return "", fmt.Errorf("option %s wants a value", letter)
				}
				text := args[0]
				args = args[1:]
				return text, nil
			}
			took, err := c.option(letter, value)
			if err != nil {
				return nil, err
			}
			if took {
				break
			}
		}
	}
	if c.url == "" {
		return nil, fmt.Errorf("no URL")
	}
	if !strings.Contains(c.url, "://") {
		c.url = "http://" + c.url
	}
	return c, nil
}

// option takes one option; whether it took a value.
func (c *call) option(name string, value func() (string, error)) (bool, error) {
	text := map[string]*string{"o": &c.output, "--output": &c.output, "w": &c.writeOut, "--write-out": &c.writeOut,
		"X": &c.method, "--request": &c.method, "d": &c.body, "--data": &c.body}
	times := map[string]*time.Duration{"m": &c.whole, "--max-time": &c.whole, "--connect-timeout": &c.connect}
	flags := map[string]*bool{"i": &c.headers, "--include": &c.headers, "f": &c.fail, "--fail": &c.fail,
		"k": &c.insecure, "--insecure": &c.insecure, "s": &c.silent, "--silent": &c.silent}
	if flag, known := flags[name]; known {
		*flag = true
		return false, nil
	}
	if to, known := text[name]; known {
		v, err := value()
		*to = v
		if to == &c.body && c.method == http.MethodGet {
			c.method = http.MethodPost
		}
		return true, err
	}
	if to, known := times[name]; known {
		v, err := value()
		if err != nil {
			return true, err
		}
		*to, err = time.ParseDuration(v + "s")
		return true, err
	}
	switch name {
	// No configuration file, no globbing, no progress meter: this has none of them. -S is for -s: errors are told then.
	case "q", "g", "--globoff", "--no-progress-meter":
		return false, nil
	case "S", "--show-error":
		c.silent = false
		return false, nil
	}
	return false, fmt.Errorf("option %s: is unknown here", name)
}

func (c *call) run() (int, error) {
	request, err := http.NewRequest(c.method, c.url, strings.NewReader(c.body))
	if err != nil {
		return noHost, err
	}
	request.Header.Set("User-Agent", "curl/8 (kutties)")
	if c.body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.whole > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), c.whole)
		defer cancel()
		request = request.WithContext(ctx)
	}
	dialer := net.Dialer{Timeout: c.connect}
	client := http.Client{
		// A redirect is an answer.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: dialer.DialContext, DisableCompression: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: c.insecure}},
	}
	answer, err := client.Do(request)
	if err != nil {
		if timeout, is := err.(net.Error); is && timeout.Timeout() {
			return tooLate, err
		}
		return noConnect, err
	}
	defer answer.Body.Close()
	if err := c.show(answer); err != nil {
		return writeError, err
	}
	if c.fail && answer.StatusCode >= 400 {
		return httpError, fmt.Errorf("the answer was %s", answer.Status)
	}
	return 0, nil
}

func (c *call) show(answer *http.Response) error {
	to := os.Stdout
	if c.output != "" {
		file, err := os.Create(c.output)
		if err != nil {
			return err
		}
		defer file.Close()
		to = file
	}
	if c.headers {
		fmt.Fprintf(to, "%s %s\r\n", answer.Proto, answer.Status)
		if err := answer.Header.Write(to); err != nil {
			return err
		}
		fmt.Fprint(to, "\r\n")
	}
	if !c.fail || answer.StatusCode < 400 {
		if _, err := io.Copy(to, answer.Body); err != nil {
			return err
		}
	}
	fmt.Fprint(os.Stdout, strings.NewReplacer("%{http_code}", fmt.Sprintf("%03d", answer.StatusCode), `\n`, "\n").Replace(c.writeOut))
	return nil
}

// netcat sends its input to HOST PORT and shows what comes back until nothing has come for the time after -w.
func netcat(args []string) error {
	network, pause, place := "tcp", time.Duration(0), []string{}
	for len(args) > 0 {
		switch word := args[0]; {
		case word == "-u":
			network = "udp"
		case word == "-w" && len(args) > 1:
			seconds, err := time.ParseDuration(args[1] + "s")
			if err != nil {
				return err
			}
			pause, args = seconds, args[1:]
		case strings.HasPrefix(word, "-"):
			return fmt.Errorf("option %s: is unknown here", word)
		default:
			place = append(place, word)
		}
		args = args[1:]
	}
	if len(place) != 2 {
		return fmt.Errorf("give a host and a port")
	}
	to, err := net.DialTimeout(network, net.JoinHostPort(place[0], place[1]), pause)
	if err != nil {
		return err
	}
	defer to.Close()
	if _, err := io.Copy(to, os.Stdin); err != nil {
		return err
	}
	buffer := make([]byte, 64<<10)
	for {
		if pause > 0 {
			if err := to.SetReadDeadline(time.Now().Add(pause)); err != nil {
				return err
			}
		}
		count, err := to.Read(buffer)
		if _, err := os.Stdout.Write(buffer[:count]); err != nil {
			return err
		}
		if timeout, is := err.(net.Error); err == io.EOF || is && timeout.Timeout() {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

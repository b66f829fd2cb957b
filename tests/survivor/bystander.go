package main

// The bystander, and others that find out how a node without room is.

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

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

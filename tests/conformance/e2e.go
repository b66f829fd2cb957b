// Upstream's specs of nodes, of what is common to all clusters, and of storage, as one program under ginkgo. `e2e.test` of upstream has all
// others as well and takes twice as long to build. The runner beside this file chooses the specs by their names, and reads how each ended.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	"github.com/onsi/gomega"

	"k8s.io/component-base/logs"
	"k8s.io/kubernetes/test/e2e/framework"
	"k8s.io/kubernetes/test/e2e/framework/config"
	"k8s.io/kubernetes/test/e2e/framework/testfiles"
	manifests "k8s.io/kubernetes/test/e2e/testing-manifests"
	fixtures "k8s.io/kubernetes/test/fixtures"

	// What happens before and after all specs, and the specs of test/e2e/common.
	_ "k8s.io/kubernetes/test/e2e"
	_ "k8s.io/kubernetes/test/e2e/feature"
	_ "k8s.io/kubernetes/test/e2e/framework/debug/init"
	_ "k8s.io/kubernetes/test/e2e/framework/metrics/init"
	_ "k8s.io/kubernetes/test/e2e/framework/node/init"
	_ "k8s.io/kubernetes/test/e2e/node"
	_ "k8s.io/kubernetes/test/e2e/storage"
)

// Ginkgo matches a pattern with this and a space before the spec's name.
const suite = "conformance"

var (
	specs   = flag.String("kutties.specs", "", "run only the specs whose full names stand in this file, one a line")
	journal = flag.String("kutties.journal", "", "append a line of JSON for each spec that has ended to this file")
	list    = flag.Bool("kutties.list", false, "list all specs as lines of JSON and end")
)

// A spec, or how it ended.
type line struct {
	Name    string   `json:"name"`
	Labels  []string `json:"labels,omitempty"`
	State   string   `json:"state,omitempty"`
	Seconds float64  `json:"seconds,omitempty"`
	Message string   `json:"message,omitempty"`
	Place   string   `json:"place,omitempty"`
	Said    string   `json:"said,omitempty"`
}

var chosen = map[string]bool{}

// write appends how a spec ended to the journal.
func write(report ginkgo.SpecReport) {
	if *journal == "" || !chosen[report.FullText()] {
		return
	}
	told := line{
		Name: report.FullText(), State: report.State.String(), Seconds: report.RunTime.Seconds(),
		Message: report.FailureMessage(),
	}
	if report.State.Is(types.SpecStateFailureStates) {
		told.Place = report.FailureLocation().String()
		told.Said = report.CapturedGinkgoWriterOutput
	}
	text, err := json.Marshal(told)
	if err != nil {
		panic(err)
	}
	// Each process of ginkgo appends: one write a line.
	file, err := os.OpenFile(*journal, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	if _, err := file.Write(append(text, '\n')); err != nil {
		panic(err)
	}
}

func main() {
	testing.Init()
	config.CopyFlags(config.Flags, flag.CommandLine)
	framework.RegisterCommonFlags(flag.CommandLine)
	framework.RegisterClusterFlags(flag.CommandLine)
	flag.Parse()
	testfiles.AddFileSource(manifests.GetE2ETestingManifestsFS())
	testfiles.AddFileSource(fixtures.GetTestFixturesFS())
	framework.AfterReadingAllFlags(&framework.TestContext)
	logs.InitLogs()
	defer logs.FlushLogs()
	gomega.RegisterFailHandler(framework.Fail)
	of, how := framework.CreateGinkgoConfig()
	if *list {
		of.SkipStrings = nil
		show(ginkgo.PreviewSpecs(suite, of, how))
		return
	}
	if *specs != "" {
		patterns, err := choose(*specs)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		of.FocusStrings, of.SkipStrings = patterns, nil
	}
	// Not before: the framework looks through all specs while it reads its flags, and nodes that are there by then report to that look only.
	ginkgo.ReportAfterEach(write)
	t := &testing.T{}
	if !ginkgo.RunSpecs(t, suite, of, how) {
		os.Exit(1)
	}
}

func show(report ginkgo.Report) {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	for _, spec := range report.SpecReports.WithLeafNodeType(types.NodeTypeIt) {
		if err := encoder.Encode(line{Name: spec.FullText(), Labels: spec.Labels()}); err != nil {
			panic(err)
		}
	}
}

// choose reads the names and answers a pattern for each.
func choose(path string) ([]string, error) {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var patterns []string
	for name := range strings.Lines(string(bytes)) {
		name = strings.TrimRight(name, "\n")
		chosen[name] = true
		patterns = append(patterns, "^"+regexp.QuoteMeta(suite+" "+name)+"$")
	}
	return patterns, nil
}

package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/terraform/tftest"
	"sallyport/notify/slack/slacktest"
)

// hundred are 100 files: two root modules, and a module and pages that nobody plans.
func hundred() map[string]string {
	files := map[string]string{"box/main.tf": resource("a", "0"), "other/main.tf": resource("a", "0")}
	for n := range 98 {
		files[fmt.Sprintf("docs/%02d/page.md", n)] = strings.Repeat(fmt.Sprintf("line %d\n", n), 200)
	}
	return files
}

// sayTarget is in milliseconds, planTarget in processes.
const (
	sayTarget  = 40
	planTarget = 5
)

// BenchmarkCommitToSlack is a commit on its way to people: from the moment when a poll has told the agent of it until the
// run's message is on its way to Slack. The repository has 100 files, the commit changes one of them.
//
//	agent-ms      the agent's own time: terraform's and the git server's are subtracted
//	with-git-ms   the same with what the git server (a CGI program here) spent on the fetch
//	terraform-ms  in terraform's processes
//	bare-ms       what terraform takes for the same root without an agent
func BenchmarkCommitToSlack(b *testing.B) {
	entry := begin(b, partToSlack, "commit seen to the Slack message, less terraform's, git's and Slack's time", "ms", atMost(sayTarget))
	r, s := newInfra(b), newWorkspace(b)
	r.Commit("first", hundred())
	h := newHouse(b, r.config()+s.config()+"stack \"box\" {\n  dir = \"box\"\n}\n")
	h.planned("box")
	alone := newBare(b)
	var windows, git, bareTime samples
	var runs []int
	n := 0
	for b.Loop() {
		for range turns.get() {
			h.MustDecide("box", "deny")
			h.quiet()
			n++
			text := resource("a", fmt.Sprint(n))
			bareTime.add(alone.plan([]string{text}, 1))
			seen := r.push("next", map[string]string{"box/main.tf": text})
			said := s.api.wait(b, seen, "chat.postMessage").start
			run := h.planned("box").ID
			card(b, s, run)
			runs = append(runs, run)
			windows.add(said.Sub(seen))
			git.add(r.git.busy(seen, said, "/info/refs", "/git-upload-pack"))
		}
	}
	inTerraform := h.terraformTime(runs)
	var own, withGit samples
	for i, window := range windows {
		withGit.add(window - inTerraform[i])
		own.add(window - inTerraform[i] - git[i])
	}
	entry.is(ms(own.median()))
	against(b, ms(own.median()), sayTarget, "agent-ms")
	disk(b)
	withGit.report(b, "with-git-ms")
	inTerraform.report(b, "terraform-ms")
	bareTime.report(b, "bare-ms")
	noTime(b)
}

// card waits for the message of a run and returns it.
func card(tb testing.TB, s *workspace, run int) slacktest.Message {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	m, err := s.WaitMessage(ctx, ops, func(m slacktest.Message) bool {
		id, _, _, _, ok := m.Run()
		return ok && id == run
	})
	if err != nil {
		tb.Fatalf("no message of run #%d came: %v", run, err)
	}
	return m
}

// BenchmarkProcesses counts the processes of terraform that a plan starts, with a terraform that writes down how it is
// called. The first operation is the agent's first plan, which asks terraform for its version; the metrics are of
// all plans together, and an operation that starts more than it may fails the benchmark.
func BenchmarkProcesses(b *testing.B) {
	for _, c := range []struct {
		name, more string
		most       int
	}{
		{"default", "", planTarget},               // init, plan, show, show and at most one version
		{"workspace", `workspace = "staging"`, 7}, // and workspace select, workspace show
	} {
		b.Run(c.name, func(b *testing.B) { countProcesses(b, c.more, c.most) })
	}
}

func countProcesses(b *testing.B, more string, most int) {
	r := newInfra(b)
	r.Commit("first", hundred())
	log := filepath.Join(b.TempDir(), "calls")
	wrapper := write(b, filepath.Join(b.TempDir(), "terraform"),
		fmt.Sprintf("#!/bin/sh\nprintf '%%s\\n' \"$*\" >>%s\nexec %s \"$@\"\n", log, tftest.Terraform(b)), 0o755)
	h := newHouse(b, r.config()+fmt.Sprintf("terraform {\n  binary = %q\n}\nstack \"box\" {\n  dir = \"box\"\n  %s\n}\n", wrapper, more))
	h.planned("box") // makes the workspace
	h.MustDecide("box", "deny")
	h.quiet()
	calls := map[string]int{}
	plans, total := 0, 0
	for b.Loop() {
		must(b, os.Truncate(log, 0))
		started, err := h.Client.Start(context.Background(), control.StartRequest{Stack: "box", Reason: "to be counted"})
		must(b, err)
		h.planned(fmt.Sprint(started.Run))
		out, err := os.ReadFile(log)
		must(b, err)
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if len(lines) > most {
			b.Errorf("a plan started %d processes:\n%s", len(lines), out)
		}
		for _, line := range lines {
			calls[strings.Fields(line)[0]]++
			total++
		}
		plans++
		h.MustDecide("box", "deny")
		h.quiet()
	}
	against(b, float64(total)/float64(plans), float64(most), "processes/plan")
	for _, verb := range []string{"version", "init", "workspace", "plan", "show"} {
		b.ReportMetric(float64(calls[verb])/float64(plans), verb+"/plan")
	}
	noTime(b)
}

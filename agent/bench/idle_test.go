package bench

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/repo/gittest"
	"sallyport/store"
)

// idleTurn is how long an idle agent is watched in one operation. Three are one turn of its schedule.
const idleTurn = 10 * time.Second

// BenchmarkIdle is an agent with 100 stacks for which nothing is to do, after it has planned ten of them: it polls its
// repository over https every 30 seconds and reads its Slack, more and more seldom. One operation is ten seconds; with
// less than three of them the processor's figure depends on chance.
//
//	rss-MB   all memory at the end, the mapped binary and store included; anon-MB is what only swapping could take away
//	peak-MB  the most that it ever had, while it planned
//	cpu-%    of one core
func BenchmarkIdle(b *testing.B) {
	r := hundredStacks(b)
	server := gittest.NewHTTP(b, r.Root(), gittest.HTTPOptions{})
	s := newWorkspace(b)
	dir := shortDir(b)
	past{url: server.URL(r.Name), head: r.Head(), runs: 1}.write(b, filepath.Join(dir, "data"))
	configure(b, dir, strings.Replace(s.config(), `"100ms"`, `"5s"`, 1)+fmt.Sprintf(
		"repository \"infra\" {\n  url = %q\n  ca_file = %q\n  branch = \"main\"\n  schedule = \"@every 30s\"\n}\nstacks \"roots/*\" {\n}\n",
		server.URL(r.Name), server.CAFile))
	r.Commit("next", rootFiles(10, 1))
	d := newDaemon(b, dir)
	d.start()
	d.planAndDeny(10)

	used, start := d.processorTime(), time.Now()
	polls, calls := server.Requests(), s.Calls("")
	for b.Loop() {
		<-time.After(idleTurn)
	}
	b.ReportMetric(100*float64(d.processorTime()-used)/float64(time.Since(start)), "cpu-%")
	b.ReportMetric(float64(server.Requests()-polls), "git-polls")
	b.ReportMetric(float64(s.Calls("")-calls), "slack-calls")
	for _, c := range s.Requests("")[calls:] {
		fmt.Println(c.Method, c.Answer)
	}
	b.ReportMetric(d.memory("VmRSS"), "rss-MB")
	b.ReportMetric(d.memory("RssAnon"), "anon-MB")
	b.ReportMetric(d.memory("VmHWM"), "peak-MB")
	noTime(b)
}

// planAndDeny waits until so many stacks are planned, denies them all, and waits until that was told.
func (d *daemon) planAndDeny(n int) {
	d.tb.Helper()
	h := &house{tb: d.tb, client: d.client}
	h.allPlanned(n)
	s, err := d.client.Status(d.tb.Context())
	must(d.tb, err)
	for _, st := range s.Stacks {
		if st.Run.Status == store.Planned {
			h.decide(fmt.Sprint(st.Run.ID), "deny")
		}
	}
	d.eventually("all was told", func(s control.Status) bool { return s.Outbox == 0 })
}

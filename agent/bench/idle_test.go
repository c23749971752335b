package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/agent/agenttest"
	"sallyport/agent/control"
	"sallyport/agent/repo/gittest"
	"sallyport/store"
)

const (
	// idleTurn is how long an idle agent is watched in one operation: two turns of its schedule.
	idleTurn = time.Minute
	// restGap is how long an agent leaves Slack alone when it has come to rest: six times slack.poll, a little less.
	restGap = 29 * time.Second

	idleMemory    = 28  // MB
	idleProcessor = 0.1 // percent of a core
)

// BenchmarkIdle is an agent with 100 stacks for which nothing is to do, after it has planned ten of them: it polls its
// repository over https every 30 seconds and reads its Slack, at last every 30 seconds too. It is watched from then on, for a
// minute per operation; the processor's figure needs three of them, since a garbage collection comes every other minute.
//
//	rss-MB   all memory at the end, the mapped binary and store included; anon-MB is what only swapping could take away
//	peak-MB  the most that it ever had, while it planned
//	cpu-%    of one core
func BenchmarkIdle(b *testing.B) {
	memory := begin(b, partIdle, "100 stacks, ten of them just planned, resident memory", "MB", atMost(idleMemory))
	processor := begin(b, partIdle, "100 stacks, processor", "% of a core", atMost(idleProcessor))
	r := hundredStacks(b)
	server := gittest.NewHTTP(b, r.Root(), gittest.HTTPOptions{})
	s := newWorkspace(b)
	i := agenttest.New(b, "")
	past{url: server.URL(r.Name), head: r.Head(), runs: 1}.write(b, i.Data())
	i.Configure(strings.Replace(s.config(), `"100ms"`, `"5s"`, 1) + fmt.Sprintf(
		"repository \"infra\" {\n  url = %q\n  ca_file = %q\n  branch = \"main\"\n  schedule = \"@every 30s\"\n}\nstacks \"roots/*\" {\n}\n",
		server.URL(r.Name), server.CAFile))
	r.Commit("next", rootFiles(10, 1))
	d := newDaemon(b, i)
	d.start()
	d.planAndDeny(10)

	d.leavesAlone(s)
	used, start := d.processorTime(), time.Now()
	polls, calls := server.Requests(), s.Calls("")
	for b.Loop() {
		<-time.After(idleTurn)
	}
	percent := 100 * float64(d.processorTime()-used) / float64(time.Since(start))
	processor.is(percent)
	memory.is(d.memory("VmRSS"))
	against(b, percent, idleProcessor, "cpu-%")
	b.ReportMetric(float64(server.Requests()-polls), "git-polls")
	b.ReportMetric(float64(s.Calls("")-calls), "slack-calls")
	against(b, d.memory("VmRSS"), idleMemory, "rss-MB")
	b.ReportMetric(d.memory("RssAnon"), "anon-MB")
	b.ReportMetric(d.memory("VmHWM"), "peak-MB")
	noTime(b)
}

// leavesAlone waits until the agent reads Slack as seldom as it ever will.
func (d *daemon) leavesAlone(s *workspace) {
	d.tb.Helper()
	limit := time.Now().Add(5 * time.Minute)
	for at := time.Now(); ; {
		next := s.api.wait(d.tb, at, "conversations.history")
		if gap := next.start.Sub(at); gap >= restGap {
			return
		}
		if time.Now().After(limit) {
			d.tb.Fatal("the agent never comes to rest")
		}
		at = next.end
	}
}

// planAndDeny waits until so many stacks are planned, denies them all, and waits until that was told.
func (d *daemon) planAndDeny(n int) {
	d.tb.Helper()
	h := &house{Installation: d.Installation, tb: d.tb}
	h.allPlanned(n)
	s, err := d.Client.Status(d.tb.Context())
	must(d.tb, err)
	for _, st := range s.Stacks {
		if st.Run.Status == store.Planned {
			h.MustDecide(fmt.Sprint(st.Run.ID), "deny")
		}
	}
	d.Eventually("all was told", func(s control.Status) bool { return s.Outbox == 0 })
}

package bench

import (
	"fmt"
	"testing"
	"time"

	"sallyport/agent"
	"sallyport/agent/agenttest"
	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/repo/gittest"
	"sallyport/agent/runner"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

const (
	ops  = "C0000OPS"
	jane = "U01JANE0"
)

// house is an installation with an agent in this process. Its runners are the real binary.
type house struct {
	*agenttest.Installation
	tb   testing.TB
	stop func()
}

// newHouse starts an agent. body is the configuration but for data_dir and socket.
func newHouse(tb testing.TB, body string) *house {
	tb.Helper()
	h := &house{Installation: agenttest.New(tb, body), tb: tb}
	h.stop = h.Start(agent.Options{Version: "bench", Executable: binary(tb), Jitter: func() float64 { return 0 }}).Stop
	return h
}

// waitNotices waits for n notices from a time on that satisfy a condition and returns when the last of them came.
func (h *house) waitNotices(from time.Time, n int, like func(text string) bool) time.Time {
	h.tb.Helper()
	limit := time.After(patience)
	for {
		notices, told := h.Notices()
		found := 0
		for _, x := range notices {
			if x.At.After(from) && like(x.Text) {
				if found++; found == n {
					return x.At
				}
			}
		}
		select {
		case <-told:
		case <-limit:
			h.tb.Fatalf("only %d of %d notices came", found, n)
		}
	}
}

func (h *house) planned(ref string) control.Run {
	h.tb.Helper()
	return h.Reaches(ref, store.Planned)
}

// quiet waits until nothing is at work and everything was said, so that one operation does not disturb the next.
func (h *house) quiet() {
	h.tb.Helper()
	h.Eventually("the agent comes to rest", func(s control.Status) bool {
		busy := s.Outbox > 0
		for _, st := range s.Stacks {
			busy = busy || st.Run != nil && !st.Run.Status.Terminal() && st.Run.Status != store.Planned
		}
		return !busy
	})
}

// terraformStarted is when the runner of an applied run executed terraform.
func (h *house) terraformStarted(run int) time.Time {
	h.tb.Helper()
	h.Reaches(fmt.Sprint(run), store.Applied)
	result, err := runner.ReadResult(datadir.Run(h.Data(), run))
	must(h.tb, err)
	return result.StartedAt
}

// terraformTime stops the agent and reads what the plans of runs spent in terraform's processes.
func (h *house) terraformTime(runs []int) samples {
	h.tb.Helper()
	h.stop()
	s, err := store.Open(store.Options{Path: datadir.Store(h.Data()), ReadOnly: true})
	must(h.tb, err)
	defer func() { must(h.tb, s.Close()) }()
	var out samples
	must(h.tb, s.View(func(tx *store.Tx) error {
		for _, id := range runs {
			run, err := tx.Run(id)
			if err != nil {
				return err
			}
			out.add(time.Duration(run.Plan.PlanSeconds * float64(time.Second)))
		}
		return nil
	}))
	return out
}

// infra is a repository behind a git server, whose work is written down.
type infra struct {
	tb testing.TB
	*gittest.Repo
	git *remote
}

func newInfra(tb testing.TB) *infra {
	tb.Helper()
	r := gittest.NewRepo(tb, "", "infra")
	return &infra{tb: tb, Repo: r, git: newRemote(tb, gittest.NewHTTP(tb, r.Root(), gittest.HTTPOptions{Plain: true}).URL(r.Name))}
}

// push commits and returns when the agent saw it: it asks for more than a poll does as soon as a poll has told it.
func (r *infra) push(subject string, files map[string]string) (seen time.Time) {
	before := time.Now()
	r.Commit(subject, files)
	return r.git.wait(r.tb, before, "/info/refs").start
}

// config is the repository's block. The schedule is the shortest there is.
func (r *infra) config() string {
	return fmt.Sprintf("repository \"infra\" {\n  url = %q\n  branch = \"main\"\n  schedule = \"@every 1s\"\n}\n", r.git.URL)
}

// workspace is a Slack of its own whose work is written down too.
type workspace struct {
	*slacktest.Server
	api *remote
}

func newWorkspace(tb testing.TB) *workspace {
	tb.Helper()
	s, err := slacktest.New(slacktest.Options{
		Users:    []slacktest.User{{ID: jane, Name: "jane", Email: "jane@example.com"}},
		Channels: []slacktest.Channel{{ID: ops, Name: "ops", Member: true}},
	})
	must(tb, err)
	tb.Cleanup(s.Close)
	return &workspace{Server: s, api: newRemote(tb, s.URL())}
}

func (s *workspace) config() string {
	return fmt.Sprintf("slack {\n  token = %q\n  api_url = %q\n  channel = %q\n  approvers = [%q]\n  poll = \"100ms\"\n}\n", s.Token(), s.api.URL, ops, jane)
}

// resource is a terraform_data, the one resource that needs no provider.
func resource(name, input string) string {
	return fmt.Sprintf("resource \"terraform_data\" %q {\n  input = %q\n}\n", name, input)
}

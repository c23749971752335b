package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/control/socket"
	"sallyport/agent/repo/gittest"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// A life is one story of runs that can be told while the agent dies at any moment: a list of steps, each with something
// that the world does once and something that must then come true, whoever has to be started again for it.
type life struct {
	name   string
	stack  string // attributes of stack box
	config string // beside it; GATE in it is the gate's directory
	silent bool   // there is no Slack; people use the command line
	rare   bool   // died in only at points that no other life passes: it ends in trouble of its own
	files  map[string]string
	answer func(control.Run) string // what jane replies to a plan; empty or nil: nothing
	steps  []step
	ends   []store.Status // of the runs, oldest first, if no apply is interrupted
}

type step struct {
	what  string
	do    func(*living) // may be nil
	until func(*living) bool
}

// living is a life that is being lived.
type living struct {
	life
	t      *testing.T
	house  *house
	slack  *slacktest.Server
	oracle *oracle
	git    *gittest.Repo
	client *socket.Client
	gate   string // a directory for resources that wait

	status   control.Status // as last seen
	runs     []control.Run  // newest first
	answered map[int]string // the ts of jane's reply, by run
	approved map[int]bool   // by her
	said     string         // the ts of what jane said to the bot last
	kills    []kill         // one after the other, each armed when the agent starts again after the one before
	deaths   int            // of the agent
}

// kill is a process's death when it passes a point for the n-th time.
type kill struct {
	point string
	n     int // counted from the death before it
	alone int // counted from the beginning, for a life in which no death comes before it
}

func (k kill) String() string { return fmt.Sprintf("%s:%d", k.point, k.n) }

// live begins a life in which these kills happen; faults is added to the first agent's environment.
func (l life) live(t *testing.T, kills []kill, faults ...string) *living {
	t.Helper()
	dir := t.TempDir()
	v := &living{
		life: l, t: t, oracle: newOracle(t), git: gittest.NewRepo(t, "", "infra"), gate: filepath.Join(dir, "gate"),
		answered: map[int]string{}, approved: map[int]bool{}, kills: kills,
	}
	if err := os.Mkdir(v.gate, 0o700); err != nil {
		t.Fatal(err)
	}
	v.git.Commit("Begin", v.at(l.files))
	if !l.silent {
		v.slack = newWorkspace(t)
	}
	v.house = newHouse(t, v.body(l.stack), slackEnv)
	program, err := faulty()
	if err != nil {
		t.Fatal(err)
	}
	v.house.binary = program
	v.client = socket.NewClient(v.house.Path("s.sock"))
	t.Cleanup(v.client.Close)
	v.house.faults = append(faults, v.armed()...)
	v.house.launch()
	return v
}

// armed is what arms the next kill.
func (v *living) armed() []string {
	if v.deaths >= len(v.kills) {
		return nil
	}
	k := v.kills[v.deaths]
	return []string{fmt.Sprintf("SALLYPORT_FAULT_KILL=%s:%d", k.point, k.n), "SALLYPORT_FAULT_ONCE=" + v.mark(v.deaths)}
}

// mark is the file that a process makes before it dies of a kill.
func (v *living) mark(i int) string { return v.house.Path(fmt.Sprintf("killed-%d", i)) }

// came reports whether a kill happened.
func (v *living) came(i int) bool { return exists(v.mark(i)) }

// body is the configuration with these attributes of the stack.
func (v *living) body(stack string) string {
	repository := fmt.Sprintf("repository \"infra\" {\n  url = \"file://%s\"\n  branch = \"main\"\n  schedule = \"@every 1s\"\n}\n", v.git.Bare)
	text := repository + stackBlock("box", stack) + strings.ReplaceAll(v.config, "GATE", v.gate) + v.oracle.block()
	if v.slack != nil {
		text += asking(v.slack)
	}
	return text
}

// at puts the gate's directory into files.
func (v *living) at(files map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range files {
		out[name] = strings.ReplaceAll(text, "GATE", v.gate)
	}
	return out
}

// commit pushes another version of the stack.
func commit(files map[string]string) func(*living) {
	return func(v *living) { v.git.Commit("Change", v.at(files)) }
}

// tell goes through all steps.
func (v *living) tell() {
	v.t.Helper()
	for _, s := range v.steps {
		if s.do != nil {
			s.do(v)
		}
		v.sees(s.what, s.until)
	}
	v.settle()
}

// quiet reports whether nothing is under way.
func (v *living) quiet() bool {
	for _, r := range v.runs {
		switch {
		case r.Status == store.Planning, r.Status == store.Applying, r.Status == store.Approved,
			r.Status == store.Pending && r.Held == "":
			return false
		}
	}
	return true
}

// sees waits until something is so. Meanwhile it starts the agent again when that was killed, and jane answers.
func (v *living) sees(what string, want func(*living) bool) {
	v.t.Helper()
	eventually(v.t, what, func() (bool, any) {
		v.revive()
		if err := v.look(); err != nil {
			return false, err
		}
		v.reply()
		return want(v), v.summary()
	})
}

func (v *living) summary() string {
	text := fmt.Sprintf("%d in the outbox, problems %+v", v.status.Outbox, v.status.Problems)
	for _, r := range v.runs {
		text += fmt.Sprintf("; #%d %s %s %s held %q error %q", r.ID, r.Stack, r.Kind, r.Status, r.Held, r.Error)
	}
	return text
}

// revive starts an agent in the place of one that was killed.
func (v *living) revive() {
	v.t.Helper()
	select {
	case <-v.house.ended:
		v.again()
	default:
	}
}

// again starts the next agent, if the last one was really killed.
func (v *living) again() {
	v.t.Helper()
	ws, ok := v.house.agent.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !ws.Signaled() || ws.Signal() != syscall.SIGKILL || !v.came(v.deaths) {
		v.t.Fatalf("the agent ended by itself: %v", v.house.agent.ProcessState)
	}
	v.deaths++
	v.house.faults = v.armed()
	v.house.launch()
}

// settle waits until everything was told and stops the agent. A kill may come even then.
func (v *living) settle() {
	v.t.Helper()
	for {
		v.sees("everything was told", func(v *living) bool { return v.status.Outbox == 0 && v.quiet() })
		v.house.signal(syscall.SIGTERM)
		agent := v.house.agent
		code := v.house.end()
		if code == 0 {
			return
		}
		v.house.agent = agent
		v.again()
	}
}

// look asks the agent how things stand.
func (v *living) look() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	status, err := v.client.Status(ctx)
	if err != nil {
		return err
	}
	runs, err := v.client.Runs(ctx, control.RunsQuery{Limit: 50})
	if err == nil {
		v.status, v.runs = status, runs
	}
	return err
}

// ask gives the agent an order until it has taken it or says that it is pointless. The agent may die of it.
func (v *living) ask(order func(context.Context) error) {
	v.t.Helper()
	eventually(v.t, "an order is taken", func() (bool, any) {
		v.revive()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err := order(ctx)
		var answer *control.Error
		return err == nil || errors.As(err, &answer), err
	})
}

// reply gives jane's answer to each plan, once, as soon as there is a message to answer to.
func (v *living) reply() {
	v.t.Helper()
	for _, r := range v.runs {
		if v.answer == nil || v.answered[r.ID] != "" || r.Status != store.Planned {
			continue
		}
		words := v.answer(r)
		if words == "" {
			continue
		}
		if v.silent {
			v.answered[r.ID] = "cli"
			v.ask(func(ctx context.Context) error {
				_, err := v.client.Decide(ctx, control.DecideRequest{Ref: fmt.Sprint(r.ID), Words: words})
				return err
			})
		} else if m, ok := v.card(r.ID); ok {
			v.answered[r.ID] = v.slack.Reply(jane, ops, m.TS, words)
		}
		v.approved[r.ID] = v.answered[r.ID] != "" && strings.HasPrefix(words, "approve")
	}
}

// card is the message of a run.
func (v *living) card(id int) (slacktest.Message, bool) {
	for _, m := range v.slack.Messages(ops) {
		if run, _, _, _, ok := m.Run(); ok && run == id {
			return m, true
		}
	}
	return slacktest.Message{}, false
}

// run is a run as last seen, the zero run if there is none.
func (v *living) run(id int) control.Run {
	for _, r := range v.runs {
		if r.ID == id {
			return r
		}
	}
	return control.Run{}
}

// newest is the newest run.
func (v *living) newest() control.Run {
	if len(v.runs) == 0 {
		return control.Run{}
	}
	return v.runs[0]
}

// is waits for a run to be in a status.
func is(id int, want store.Status) func(*living) bool {
	return func(v *living) bool { return v.run(id).Status == want }
}

// appliedBy waits until the newest commit is applied by whatever run, or was without changes for it: a recovery run takes
// the place of an interrupted one.
func applied(v *living) bool {
	r := v.newest()
	return (r.Status == store.Applied || r.Status == store.NoChanges) && r.Commit == v.git.Head()
}

// cleanedUp waits until no apply has terraform's own words left, which hold secrets.
func cleanedUp(v *living) bool {
	left, err := filepath.Glob(v.house.Data("runs", "*", "apply.jsonl"))
	return err == nil && len(left) == 0
}

// ended waits until the newest run has ended.
func ended(v *living) bool { return v.newest().Status.Terminal() }

// approves and denies are answers.
func approves(control.Run) string { return "approve destroy" }
func denies(control.Run) string   { return "deny not tonight" }

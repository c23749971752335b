package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/agent/patience"
	"sallyport/notify/slack/slacktest"
)

// cloudToken is a secret that every provisioner of the crash test prints.
const cloudToken = "canary/cloud+token=77aa01"

// siteStacks are the stacks of a site; the second needs two different people.
var siteStacks = [...]struct {
	name      string
	approvals int
}{{"one", 1}, {"two", 2}, {"three", 1}}

// A site is everything that the crash test plays with: a house, its repository and its Slack behind bad wires, an oracle in
// terraform's place; and a diary of what was done to them, which the checks read.
type site struct {
	t *testing.T
	*house
	infra  *infra
	slack  *slacktest.Server
	oracle *oracle
	git    *wire // in front of the git server
	chat   *wire // in front of Slack

	version  int            // of the configuration pushed last
	content  map[string]int // by stack: the first version that is kept
	pushes   []push
	votes    []*ballot
	acts     []act
	outages  []outage
	killed   map[int]bool // runs of which a runner or a terraform was killed
	ballast  string       // fills the disk if it is not empty
	small    bool         // the data directory is a small file system of its own
	long     bool         // provisioners last long
	gone     int          // turns until a missing agent is started again
	ill      int          // turns until outages end
	seen     map[int]run  // the newest that was heard of each run
	counts   tally
	grace    time.Duration // see checkSafety
	quiet    time.Duration // see siteOptions
	schedule string        // likewise
	broken   []string      // what was found wrong
	script   []string      // what was done, for people
}

// tally is what a site went through.
type tally struct{ steps, agentKills, runnerKills, terraformKills, stops, outages, fullDisks, applies int }

func (t *tally) add(o tally) {
	t.steps += o.steps
	t.agentKills += o.agentKills
	t.runnerKills += o.runnerKills
	t.terraformKills += o.terraformKills
	t.stops += o.stops
	t.outages += o.outages
	t.fullDisks += o.fullDisks
	t.applies += o.applies
}

func (t tally) String() string {
	return fmt.Sprintf("%d steps, %d applies, SIGKILL of %d agents, %d runners and %d terraforms, %d SIGTERM, %d outages, %d full disks",
		t.steps, t.applies, t.agentKills, t.runnerKills, t.terraformKills, t.stops, t.outages, t.fullDisks)
}

// push is one push of a commit.
type push struct {
	at       time.Time
	versions map[string]int // of the stacks that it touched
	rewrites bool           // it threw commits away
}

// ballot is one message in a thread that may be a vote.
type ballot struct {
	at              time.Time
	thread, ts      string
	user, text      string
	bot             bool
	edited, deleted time.Time
}

// act is one call of the command line.
type act struct {
	at, done time.Time
	args     []string
	code     int
	out      string
}

// run is the number in `approve 12` or in what `plan` printed.
func (a act) run() int {
	word := a.out
	if a.args[0] != "plan" && a.args[0] != "recover" {
		if len(a.args) < 2 {
			return 0
		}
		word = a.args[1]
	}
	n, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(strings.SplitN(word, "\n", 2)[0]), "#"))
	if err != nil {
		return 0
	}
	return n
}

// outage is a time in which a server could not be relied on.
type outage struct {
	what     string // git or slack
	from, to time.Time
}

// everySecond is how often the repository is polled usually.
const everySecond = "@every 1s"

// siteOptions say what is special about a site.
type siteOptions struct {
	schedule string        // of the polls of git; default every second
	without  string        // a defence to switch off, in the binary that can do without
	grace    time.Duration // see checkSafety
	quiet    time.Duration // how long it may take to come to rest; default quietLimit
	stacks   []string      // that there are; default all of siteStacks
}

// newSite makes a site and starts its agent.
func newSite(t *testing.T, o siteOptions) *site {
	t.Helper()
	if o.schedule == "" {
		o.schedule = everySecond
	}
	if o.quiet == 0 {
		o.quiet = patience.Scaled(quietLimit)
	}
	if o.stacks == nil {
		o.stacks = []string{"one", "two", "three"}
	}
	s := &site{
		grace: patience.Scaled(o.grace), quiet: o.quiet, schedule: o.schedule,
		t: t, infra: newInfra(t), slack: newWorkspace(t), oracle: newShowingOracle(t),
		content: map[string]int{}, killed: map[int]bool{}, seen: map[int]run{},
	}
	s.git, s.chat = newWire(t, s.infra.server.URL("")), newWire(t, s.slack.URL())
	s.slack.Behind(strings.TrimSuffix(s.chat.through(s.slack.URL()), "/api/"))
	s.push(false, o.stacks...)
	block := s.infra.blockAt("infra", s.git.through(s.infra.server.URL(s.infra.Name)))
	body := strings.Replace(block, everySecond, o.schedule, 1)
	for _, st := range siteStacks {
		if !slices.Contains(o.stacks, st.name) {
			continue
		}
		body += stackBlock(st.name, fmt.Sprintf("approvals = %d", st.approvals), `env = { CLOUD_TOKEN = env("CLOUD_TOKEN") }`)
	}
	body += s.oracle.block() + s.chat.through(asking(s.slack))
	s.house = newHouse(t, body, slackEnv, "CLOUD_TOKEN="+cloudToken)
	if o.without != "" {
		program, err := faulty()
		if err != nil {
			t.Fatal(err)
		}
		s.house.binary, s.faults = program, []string{"SALLYPORT_FAULT_WITHOUT=" + o.without}
	}
	s.mountSmall()
	t.Cleanup(s.leave)
	s.up()
	return s
}

// mountSmall gives the data directory a file system of its own that can be filled. Only root can.
func (s *site) mountSmall() {
	if err := os.Mkdir(s.Data(), 0o700); err != nil {
		s.t.Fatal(err)
	}
	s.small = os.Geteuid() == 0 && syscall.Mount("tmpfs", s.Data(), "tmpfs", 0, "size=64m,mode=0700") == nil
}

// leave ends everything of the site; it may be called again.
func (s *site) leave() {
	s.kill()
	killBelow(s.Dir)
	if s.small {
		s.small = false
		if err := syscall.Unmount(s.Data(), syscall.MNT_DETACH); err != nil {
			s.t.Error(err)
		}
	}
	s.slack.Close()
}

// wrong notes something that must not be.
func (s *site) wrong(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, known := range s.broken {
		if known == text {
			return
		}
	}
	s.broken = append(s.broken, text)
}

// did writes into the diary what was done.
func (s *site) did(format string, args ...any) {
	s.script = append(s.script, time.Now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// within waits for a condition and reports whether it came.
func within(limit time.Duration, look func() bool) bool {
	deadline := time.Now().Add(limit)
	for !look() {
		if time.Now().After(deadline) {
			return false
		}
		<-time.After(50 * time.Millisecond)
	}
	return true
}

// alive reports whether the agent runs. One that ended by itself is noted, unless the disk was full.
func (s *site) alive() bool {
	if s.agent == nil {
		return false
	}
	select {
	case err := <-s.ended:
		s.ended <- err
		s.end()
		s.did("the agent ended by itself: %v", err)
		if s.ballast == "" {
			s.wrong("the agent ended by itself: %v", err)
		}
		return false
	default:
		return true
	}
}

// up makes sure that an agent runs, and waits until it answers.
func (s *site) up() bool {
	if !s.alive() {
		s.launch()
		s.did("started the agent")
	}
	look := s.glances(s.allStatus)
	answers := within(patience.Limit(), func() bool {
		if !s.alive() {
			return true
		}
		if !look.worth() {
			return false
		}
		r := s.try("status", "--json")
		return r.code == 0 && strings.Contains(r.stdout, `"running": true`)
	})
	if !answers {
		s.wrong("the agent does not answer")
	}
	return answers && s.agent != nil
}

// call runs a verb and writes it down.
func (s *site) call(args ...string) act {
	a := act{at: time.Now(), args: args}
	r := s.try(args...)
	a.done, a.code, a.out = time.Now(), r.code, r.stdout
	s.acts = append(s.acts, a)
	s.did("sallyport %s: exit code %d %s", strings.Join(args, " "), a.code, firstLine(r.stdout+r.stderr))
	return a
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// push pushes a new version of some stacks; a rewriting one throws the newest commit away.
func (s *site) push(rewrites bool, stacks ...string) {
	s.version++
	files := map[string]string{"README.md": fmt.Sprint("version ", s.version)}
	p := push{versions: map[string]int{}, rewrites: rewrites}
	for _, name := range stacks {
		if s.content[name] == 0 {
			s.content[name] = s.version
		}
		files[name+"/main.tf"] = s.config(name, s.version)
		p.versions[name] = s.version
	}
	if rewrites {
		s.infra.Git("commit", "-q", "--amend", "--allow-empty", "-m", "Rewritten")
	}
	s.infra.Commit(fmt.Sprint("Version ", s.version), files)
	p.at = time.Now()
	s.pushes = append(s.pushes, p)
	s.did("pushed version %d of %v, rewriting: %v", s.version, stacks, rewrites)
}

// config is a stack's configuration: a resource for the first version kept and a few of the newest, each with a provisioner
// that takes a moment, so that kills hit in the middle.
func (s *site) config(stack string, version int) string {
	text := fmt.Sprintf("# version %d\n", version)
	for v := max(s.content[stack], version-2); v <= version; v++ {
		lasts := time.Duration(200+150*(v%4)) * time.Millisecond
		if v%6 == 5 || s.long {
			lasts = 4 * time.Second // it outlives a terraform that is killed
		}
		command := s.oracle.provision(stack, strconv.Itoa(version), lasts, "the token is $CLOUD_TOKEN")
		if v%5 == 4 && v == version {
			command += "; exit 3" // the next version meets what this leaves half-made
		}
		text += fmt.Sprintf("resource \"terraform_data\" \"v%d\" {\n  provisioner \"local-exec\" {\n    command = %q\n  }\n}\n", v, command)
	}
	text += fmt.Sprintf("output \"version\" {\n  value = %d\n}\n", version)
	return text
}

// outage notes that a server cannot be relied on from now until [site.heal].
func (s *site) outage(what string) {
	s.counts.outages++
	s.outages = append(s.outages, outage{what: what, from: time.Now()})
}

// heal ends everything that was done to networks, Slack and disk.
func (s *site) heal() {
	s.git.set(wireGood, 0)
	s.chat.set(wireGood, 0)
	s.slack.Heal()
	for i := range s.outages {
		if s.outages[i].to.IsZero() {
			s.outages[i].to = time.Now()
		}
	}
	if s.ballast != "" {
		if err := os.Remove(s.ballast); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.t.Fatal(err)
		}
		s.ballast = ""
		s.did("freed the disk")
	}
}

// healthy reports whether a server could be relied on all the time.
func (s *site) healthy(what string, from, to time.Time) bool {
	for _, o := range s.outages {
		if o.what == what && o.from.Before(to) && (o.to.IsZero() || o.to.After(from)) {
			return false
		}
	}
	return true
}

// killOne ends one kind of process of some apply and reports whether there was one.
func (s *site) killOne(word string) bool {
	found := false
	for _, pid := range pidsBelow(s.Data("runs")) {
		line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		cwd, _ := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
		match := runOfPath.FindStringSubmatch(cwd)
		if err != nil || match == nil || !strings.Contains(strings.ReplaceAll(string(line), "\x00", " "), word) {
			continue
		}
		id, _ := strconv.Atoi(match[1])
		s.killed[id] = true // before the kill: its effects can be seen at once
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			found = true
			s.did("killed %s of run %d", word, id)
		}
	}
	return found
}

var runOfPath = regexp.MustCompile(`/runs/(\d+)(?:/|$)`)

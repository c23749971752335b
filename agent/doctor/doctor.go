// Package doctor tries what a first installation gets wrong, and says of each thing whether it works and what to do if
// not.
//
// # What it touches
//
// It reads. Nothing is posted in Slack, no receiver of a notify block is told of anything unless a test is asked for, nor is ping_url, no stack is
// planned, nothing is written to the data directory; commits are fetched into a temporary directory. It needs no agent, and does not disturb one: the agent's own mirrors are left alone,
// since opening one cleans up after dead writers, and the agent's is alive.
//
// Each stack gets a terraform init in the temporary directory, which downloads its providers there, and its state is read
// without a lock. HOME is empty there: what terraform finds in its own is not used. Some backends, gcs for one, write an empty
// state where there is none as soon as anybody looks.
//
// # What it tells
//
// Each check is ok, warn or fail, with what to do in the last two cases. One failure does not keep the other checks from being
// made: without a readable configuration there still is a data directory to look at. Every call to another machine has a
// deadline, and the machines are asked at the same time, so that a silent one costs its own deadline and no more.
//
// What is right for root can be wrong for the agent: rights are those of whoever runs the doctor, and it says so.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/config/receiver"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

const (
	defaultTimeout = 15 * time.Second
	// fetchTimeout bounds the whole transfer of a repository. A larger one is no fault, its stacks are not looked at.
	fetchTimeout = 2 * time.Minute
	// initTimeout bounds terraform's init of one stack, downloads of providers included.
	initTimeout = 2 * time.Minute
	// maxInits is how many stacks are tried at the same time.
	maxInits = 2
)

// Options say what is looked at, and where the report goes.
type Options struct {
	ConfigPath     string // file or directory
	CredentialsDir string // where credential("name") looks; default $CREDENTIALS_DIRECTORY
	Stdout         io.Writer
	JSON           bool // the report for machines
	Color          bool // Stdout shows colours
	NoLines        bool // faults of the configuration are told without the lines that they are in
	Version        string
	Notify         string        // the notify block whose receiver is sent a test event; empty: none
	Timeout        time.Duration // of one call to another machine; default 15 s

	statfs func(string, *unix.Statfs_t) error // default unix.Statfs; for tests
	euid   func() int                         // default os.Geteuid; for tests
	owner  func() string                      // default installed; for tests
	init   time.Duration                      // default initTimeout; for tests
}

func (o *Options) validate() error {
	if o.ConfigPath == "" || o.Stdout == nil {
		return errors.New("doctor: a configuration and an output are needed")
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.statfs == nil {
		o.statfs = unix.Statfs
	}
	if o.owner == nil {
		o.owner = installed
	}
	if o.euid == nil {
		o.euid = os.Geteuid
	}
	if o.init <= 0 {
		o.init = initTimeout
	}
	return nil
}

// FailedError says how many checks failed. The report has told which, and what to do.
type FailedError struct{ Fails int }

// Error implements error.
func (e *FailedError) Error() string {
	return words.Count(e.Fails, "check") + " failed"
}

// doctor is what the checks of one examination share. A check that needs none of it is a function, and writes into its section.
type doctor struct {
	o        Options
	cfg      *config.Config // nil if it could not be read
	redactor *redact.Redactor
	inits    chan struct{} // holds a value for each stack that is being tried
	user     *asuser.User  // whom terraform runs as here, known once terraform was tried; nil: whoever runs the doctor
	turn     *asuser.Turn  // as that user
}

// Run makes all checks and writes the report. The error is a [*FailedError] if any check failed.
func Run(ctx context.Context, o Options) error {
	if err := o.validate(); err != nil {
		return err
	}
	d := &doctor{o: o, redactor: redact.New(), inits: make(chan struct{}, maxInits)}
	defer func() { d.turn.Close() }() // every job has ended
	report := newReport(o)
	for _, job := range d.jobs(ctx) {
		for _, s := range <-job {
			report.add(s)
		}
	}
	if err := report.end(); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if report.Fail > 0 {
		return &FailedError{Fails: report.Fail}
	}
	return nil
}

// jobs starts all checks, and returns where their sections come from in the order of the report.
func (d *doctor) jobs(ctx context.Context) []<-chan []*section {
	var jobs []<-chan []*section
	start := func(f func() []*section) {
		done := make(chan []*section, 1)
		jobs = append(jobs, done)
		go func() { done <- f() }()
	}
	first, place := d.configuration()
	start(func() []*section { return []*section{first} })
	if place != nil {
		start(func() []*section { return checkDataDir(d.section("data directory "+place.DataDir), d.o, place.DataDir) })
		start(func() []*section { return checkAgent(ctx, d.section("agent at "+place.Socket), d.o, place.Socket) })
	}
	tools := d.findTools(ctx)
	start(func() []*section { return []*section{(<-tools()).section} })
	if d.cfg == nil {
		return jobs
	}
	for _, r := range d.cfg.Repositories {
		start(func() []*section { return d.repository(ctx, r, tools) })
		if r.Site.Kind != "" {
			start(func() []*section {
				return checkSite(ctx, d.section(r.Site.Kind+" "+r.Site.Repository+" at "+r.Site.URL), r, d.o.Timeout)
			})
		}
	}
	start(func() []*section { return d.slack(ctx) })
	if d.o.Notify != "" && !slices.ContainsFunc(d.cfg.Notify, func(r *receiver.Receiver) bool { return r.Name == d.o.Notify }) {
		start(func() []*section { return d.noReceiver() })
	}
	for _, r := range d.cfg.Notify {
		start(func() []*section { return d.checkReceiver(ctx, r) })
	}
	if d.cfg.Metrics != nil {
		start(func() []*section { return d.checkFigures(ctx) })
	}
	if !d.cfg.PingURL.IsZero() {
		start(func() []*section { return d.checkPing(ctx) })
	}
	return jobs
}

// configuration reads the configuration. place is where the agent's things are, if that can be told at all.
func (d *doctor) configuration() (s *section, place *config.Client) {
	s = d.section("configuration " + d.o.ConfigPath)
	cfg, err := config.Load(d.o.ConfigPath, config.LoadOptions{CredentialsDir: d.o.CredentialsDir, MissingCredentialsWarn: true})
	if err == nil {
		d.cfg, d.redactor = cfg, redact.New(cfg.Secrets...)
		s.ok("syntax", "valid: %s, %s", words.CountOf(len(cfg.Repositories), "repository", "repositories"), cfg.Counted())
		warnings(s, cfg.Warnings)
		for _, w := range Machine(cfg, os.Getenv("PATH")) {
			if w.Name != "user" { // a failure, and told beside what terraform can do as it
				s.warn(w.Name, w.Hint, "%s", w.Text)
			}
		}
		return s, &config.Client{DataDir: cfg.DataDir, Socket: cfg.Socket}
	}
	var faults *config.Faults
	if !errors.As(err, &faults) {
		s.fail("file", "name the configuration with --config FILE; a reader needs rights for it: try sudo", "%v", err)
		return s, nil
	}
	var shown strings.Builder
	if d.o.NoLines {
		fmt.Fprintln(&shown, faults)
	} else if err := faults.Render(&shown, d.o.Color, 0); err != nil {
		fmt.Fprintln(&shown, faults)
	}
	for i, f := range faults.List() {
		c := s.fail("syntax", "", "%s", f)
		if i == 0 {
			c.shown = shown.String()
		} else {
			c.hidden = true
		}
	}
	warnings(s, faults.Warnings)
	client, err := config.LoadClient(d.o.ConfigPath)
	if err != nil {
		return s, nil
	}
	return s, &client
}

// warnings repeats what works and should be mended, and what could not be read here.
func warnings(s *section, texts []string) {
	for _, w := range texts {
		hint := ""
		if strings.Contains(w, "cannot be read") {
			hint = "run the doctor where the credentials are, or name a copy of them with --credentials DIR"
		}
		s.warn("configuration", hint, "%s", w)
	}
}

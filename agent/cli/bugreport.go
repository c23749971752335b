package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"sallyport/agent/bugreport"
	"sallyport/agent/cli/build"
	"sallyport/agent/cli/call"
	"sallyport/agent/config"
	"sallyport/agent/config/shape"
	"sallyport/agent/control"
	"sallyport/agent/control/socket"
	"sallyport/agent/datadir"
	"sallyport/agent/doctor"
	"sallyport/agent/rescue"
	"sallyport/notify/redact"
	"sallyport/store"
)

// How long the parts of a report may take.
const (
	reportLook   = 30 * time.Second // what systemd or a disk is asked for, and a store is checked
	reportAgent  = 12 * time.Second // an agent's answer, after which there is time for its data directory
	reportDoctor = 90 * time.Second // git, Slack and terraform
)

// reported is the result of bugreport for machines.
type reported struct {
	File  string           `json:"file"`
	Bytes int64            `json:"bytes"`
	Parts []bugreport.Made `json:"parts"`
}

// reporter makes one report.
type reporter struct {
	*call.Call
	credentials, log string
	yes              bool

	at      *call.Installation // the one that the call is about, which says nothing of versions
	dataDir string
	sound   func(context.Context) error // whether the store can be read without risk
}

func newBugreportCommand(a *call.Call) *cobra.Command {
	r := &reporter{Call: a}
	c := &cobra.Command{
		Use:   "bugreport FILE [--credentials DIR] [--log FILE] [--yes]",
		Short: "Write what somebody who looks for a fault needs to know, without secrets",
		Long: "Write an archive (FILE, a .tar.gz that nobody else may read) with what somebody who looks for a fault needs to know: versions, the\n" +
			"configuration, what the doctor and the status say, recent log and history, the check of the store, disk and memory. Secrets are\n" +
			"taken out, and plans, states and variables are not in it. What will be in it is listed before anything is written.\n\n" +
			"It works with and without an agent, and with a configuration or a store that cannot be read. Run it as root, who may read the\n" +
			"credentials that have to be taken out.",
		Args: call.Between(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, stop := call.Interruptible(c)
			defer stop()
			return r.report(ctx, args[0])
		},
	}
	c.Flags().StringVar(&r.credentials, "credentials", "", "`directory` with the files that credential() reads (default those of install.sh)")
	c.Flags().StringVar(&r.log, "log", "", "the `file` that the agent's log goes to, where that is not the journal")
	c.Flags().BoolVar(&r.yes, "yes", false, "write it without asking")
	return c
}

func (r *reporter) report(ctx context.Context, file string) error {
	if err := free(file, "report"); err != nil {
		return err
	}
	if !r.yes && !r.Streams.Asks() {
		return call.Usage("somebody has to look at what will be in it, and nobody is at a terminal", "say --yes if it is meant; read it before you pass it on")
	}
	r.Streams.Talk("sallyport: making the report; git, Slack and terraform are tried, which takes up to %.0f seconds", reportDoctor.Seconds())
	made, err := r.collect(ctx)
	if err != nil {
		return err
	}
	r.list(made)
	if !r.yes {
		typed, err := r.Streams.Ask("Write these to " + file + "? Type yes or no: ")
		if err != nil || !slices.Contains([]string{"y", "yes"}, strings.ToLower(typed)) {
			return control.Errorf(control.Refused, "not confirmed; nothing was written")
		}
	}
	size, err := writeNew(file, "report", made.Write)
	if err != nil {
		return err
	}
	err = r.Streams.Result(reported{file, size, made.Parts}, "wrote %s (%s)", file, humanize.IBytes(uint64(size)))
	r.Streams.Talk("hint: read it before you pass it on, tar -xzOf %s | less: only a person knows what names, addresses and reasons give away", file)
	return err
}

// list shows what will be written.
func (r *reporter) list(made *bugreport.Report) {
	r.Streams.Talk("What will be in it:")
	for _, p := range made.Parts {
		r.Streams.Talk("  %-22s %8s  %s", p.Name, humanize.IBytes(uint64(p.Bytes)), p.About)
		if p.Missing != "" {
			r.Streams.Talk("  %-22s %8s  not complete: %s", "", "", p.Missing)
		}
	}
}

// collect makes the parts. Credentials lie where --credentials says, where systemd has put them, and where install.sh makes a place for them.
func (r *reporter) collect(ctx context.Context) (*bugreport.Report, error) {
	dir := r.credentials
	beside := filepath.Dir(r.At.Config)
	if isDir(r.At.Config) {
		beside = r.At.Config
	}
	if standard := filepath.Join(beside, "credentials"); dir == "" && isDir(standard) {
		dir = standard
	}
	getenv := func(k string) string { return call.Env(r.Inv.Environ, k, "") }
	conf := bugreport.ReadConfiguration(r.At.Config, config.LoadOptions{CredentialsDir: dir, MissingCredentialsWarn: true, Getenv: getenv},
		[]string{dir, getenv("CREDENTIALS_DIRECTORY")})
	if len(conf.Unread) > 0 {
		r.Streams.Talk("sallyport: warning: nobody can look for secrets that cannot be read here: %s", strings.Join(conf.Unread, ", "))
		r.Streams.Talk("hint: run it as root, --credentials DIR says where credentials lie; or read with care what is written")
	}
	r.at, r.dataDir = &call.Installation{Config: r.At.Config, Socket: r.At.Socket}, shape.DefaultDataDir
	if c, err := r.at.ClientConfig(); err == nil {
		r.dataDir = c.DataDir
	} else if r.at.Socket == "" {
		r.at.Socket = shape.DefaultSocket // an agent may run all the same, with the configuration of before
	}
	r.sound = onceOK(r.checkStore)
	now := r.Now()
	parts := append([]bugreport.Part{
		{Name: "versions.txt", About: "versions of this program, the system, terraform and others", Within: reportLook, Write: r.versions},
	}, conf.Parts...)
	parts = append(parts,
		bugreport.Part{Name: "doctor.txt", About: "what the doctor says", Within: reportDoctor, Write: func(ctx context.Context, w io.Writer) error {
			return r.doctor(ctx, w, dir)
		}},
		bugreport.Part{Name: "status.json", About: "the status, without what plans change", Within: reportLook, Write: func(ctx context.Context, w io.Writer) error {
			return bugreport.Status(ctx, w, r.ask)
		}},
		bugreport.Part{Name: "audit.txt", About: "the history, its newest part", Within: reportLook, Write: func(ctx context.Context, w io.Writer) error {
			return bugreport.Audit(ctx, w, r.ask, now)
		}},
		bugreport.Part{Name: "store.txt", About: "whether the store is what was written", Within: reportLook, Write: r.store},
		bugreport.Part{Name: "log.txt", About: "the end of the agent's log", Within: reportLook, Write: func(ctx context.Context, w io.Writer) error {
			return bugreport.Log(ctx, w, r.log)
		}},
		bugreport.Part{Name: "service.txt", About: "what systemd says of the agent", Within: reportLook, Write: bugreport.Service},
		bugreport.Part{Name: "machine.txt", About: "memory and disk", Within: reportLook, Write: func(ctx context.Context, w io.Writer) error {
			return bugreport.Machine(ctx, w, r.dataDir)
		}},
	)
	return bugreport.Collect(ctx, now, parts, redact.New(conf.Known...))
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// onceOK asks once, whoever asks.
func onceOK(ask func(context.Context) error) func(context.Context) error {
	var once sync.Once
	var err error
	return func(ctx context.Context) error {
		once.Do(func() { err = ask(context.WithoutCancel(ctx)) }) // the time of whoever came first may be over
		return err
	}
}

func (r *reporter) versions(ctx context.Context, w io.Writer) error {
	b := build.Of(r.Inv.Version)
	fmt.Fprintf(w, "sallyport %s (%s, %s), commit %s of %s, changed: %t\n", b.Version, b.Go, b.Platform, b.Revision, b.Date, b.Modified)
	agent := ""
	client, err := r.at.Client()
	if err == nil {
		defer client.Close()
		client.Hears(func(version string) { agent = version })
		asking, cancel := context.WithTimeout(ctx, reportAgent)
		defer cancel()
		_, err = client.Status(asking)
	}
	if err != nil {
		agent = bugreport.FirstLine(err.Error())
	}
	fmt.Fprintf(w, "agent     %s\n", agent)
	return bugreport.Programs(ctx, w)
}

func (r *reporter) doctor(ctx context.Context, w io.Writer, credentials string) error {
	err := doctor.Run(ctx, doctor.Options{
		ConfigPath: r.At.Config, CredentialsDir: credentials, Stdout: w, Version: call.Version(r.Inv.Version), NoLines: true,
	})
	var failed *doctor.FailedError
	if errors.As(err, &failed) {
		return nil // the text has said everything
	}
	return err
}

// ask asks the agent; where none answers its data directory, unless reading that could end this process.
func (r *reporter) ask(ctx context.Context, question func(context.Context, control.Reader) error) error {
	client, err := r.at.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	asking, cancel := context.WithTimeout(ctx, reportAgent)
	noAgent := question(asking, client)
	cancel()
	if !errors.Is(noAgent, socket.ErrNoAgent) {
		return noAgent
	}
	if err := r.sound(ctx); err != nil {
		return fmt.Errorf("%w; reading its data instead: %w", noAgent, err)
	}
	offline, err := r.at.Offline()
	if err != nil {
		return fmt.Errorf("%w; reading its data instead: %w", noAgent, err)
	}
	defer offline.Close()
	return question(ctx, offline)
}

// checkStore checks the store in a process of its own.
func (r *reporter) checkStore(ctx context.Context) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	return rescue.Child{Executable: executable, Timeout: reportLook}.Check(ctx, datadir.Store(r.dataDir))
}

// store says how the store stands. One that an agent has open is checked by that.
func (r *reporter) store(ctx context.Context, w io.Writer) error {
	err := r.sound(ctx)
	if err == nil {
		_, err = fmt.Fprintln(w, "the store is what was written; no agent has it open")
		return err
	}
	if !errors.Is(err, store.ErrLocked) {
		return err
	}
	client, err := r.at.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	v, err := client.Verify(ctx)
	if err != nil {
		return fmt.Errorf("a process has the store open; asking it: %w", err)
	}
	_, err = fmt.Fprintf(w, "an agent has the store open\nas it was written: %t\nentries of the history: %d to %d, %d good\n%s\n", v.OK, v.First, v.Head, v.Entries,
		strings.Join(v.Faults, "\n"))
	return err
}

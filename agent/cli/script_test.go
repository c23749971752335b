package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/rogpeppe/go-internal/testscript"
	"go.etcd.io/bbolt"

	"sallyport/agent/control/socket"
	"sallyport/agent/datadir"
	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/repo"
	"sallyport/agent/rescue"
	"sallyport/agent/web"
	"sallyport/notify/golden"
	"sallyport/store"
)

// TestMain makes the test binary the program itself, with a clock that stands still.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == repo.Verb { // for the tests that run an agent in this process
		need.Exit(repo.Main(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == rescue.Verb { // the child that checks a store
		need.Exit(rescue.Main(os.Args[2:], os.Stderr))
	}
	testscript.Main(m, map[string]func(){
		"sallyport": func() {
			need.Exit(Main(Invocation{
				Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: "1.2.3", Now: clock,
			}))
		},
	})
}

// clock is ten past three.
func clock() time.Time { return time.Date(2026, 3, 1, 3, 10, 0, 0, time.UTC) }

// before is some time ago.
func before(d time.Duration) time.Time { return clock().Add(-d) }

// TestScripts runs the command line against a stand-in for the agent that keeps a real store.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       golden.Updating(),
		Setup: func(e *testscript.Env) error {
			socket := filepath.Join(e.WorkDir, "s.sock")
			data := filepath.Join(e.WorkDir, "data")
			e.Setenv("SALLYPORT_CONFIG", filepath.Join(e.WorkDir, "sallyport.hcl"))
			e.Setenv("NO_COLOR", "1")
			e.Setenv("TZ", "UTC") // times are shown in the zone of the shell
			a := &standIn{dataDir: data, socket: socket}
			e.Values[standInKey{}], e.Values[personKey{}] = a, new(*person)
			e.Defer(func() { _ = a.stop() })
			text := "data_dir = " + strconv.Quote(data) + "\nsocket = " + strconv.Quote(socket) + "\n"
			return errors.Join(os.Mkdir(data, 0o700), os.WriteFile(filepath.Join(e.WorkDir, "sallyport.hcl"), []byte(text), 0o600))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"agent":  agentCommand,
			"seed":   func(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(theAgent(ts).with(seed)) },
			"move":   moveCommand,
			"damage": damageCommand,
			"exits":  exitsCommand,
			"waited": waitedCommand,
			"tty":    ttyCommand,
			"sees":   seesCommand,
			"ends":   endsCommand,
			"pages":  pagesCommand,
			// repository DIR makes a git repository of a directory.
			"repository": func(ts *testscript.TestScript, _ bool, args []string) {
				_, err := git.PlainInit(ts.MkAbs(args[0]), false)
				ts.Check(err)
			},
		},
	})
}

// agentCommand is `agent start`, `agent stop`, or `agent missed`: in the place of a stopped agent it lets one caller
// knock in vain, so that what comes next in the script finds somebody who has noticed.
func agentCommand(ts *testscript.TestScript, _ bool, args []string) {
	a := theAgent(ts)
	switch args[0] {
	case "start":
		if a.version = ""; len(args) > 1 {
			a.version = args[1]
		}
		ts.Check(a.start())
	case "stop":
		ts.Check(a.stop())
	case "missed":
		l, err := net.Listen("unix", a.socket)
		ts.Check(err)
		caller, err := l.Accept()
		ts.Check(err)
		ts.Check(errors.Join(caller.Close(), l.Close()))
	default:
		ts.Fatalf("agent start [VERSION], stop or missed")
	}
}

// pagesCommand is `pages shown SOCKET`: the agent says that it shows pages there. `pages here` and `pages other` let something answer at a
// port of this machine, $PORT, as an agent's pages do and as anything else does.
func pagesCommand(ts *testscript.TestScript, _ bool, args []string) {
	switch args[0] {
	case "shown":
		theAgent(ts).pages = args[1]
	default:
		h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if args[0] == "here" {
				w.Header().Set(web.VersionHeader, "1.2.3")
			}
		}))
		ts.Defer(h.Close)
		ts.Setenv("PORT", h.URL[strings.LastIndexByte(h.URL, ':')+1:])
	}
}

// damageCommand changes a letter in the history's third entry behind the store's back.
func damageCommand(ts *testscript.TestScript, _ bool, _ []string) {
	db, err := bbolt.Open(datadir.Store(theAgent(ts).dataDir), 0o600, nil)
	ts.Check(err)
	err = db.Update(func(tx *bbolt.Tx) error {
		events := tx.Bucket([]byte("events"))
		key := binary.BigEndian.AppendUint64(nil, 3)
		raw := bytes.Clone(events.Get(key))
		raw[len(raw)/2] ^= 1
		return events.Put(key, raw)
	})
	ts.Check(errors.Join(err, db.Close()))
}

// moveCommand is `move RUN STATUS...`: the run goes that way.
func moveCommand(ts *testscript.TestScript, _ bool, args []string) {
	id, err := strconv.Atoi(args[0])
	ts.Check(err)
	for _, to := range args[1:] {
		ts.Check(theAgent(ts).with(func(tx *store.Tx) error { return move(tx, id, store.Status(to)) }))
	}
}

// waitedCommand is `waited RUN STATUS`: holds the script until a client has been told that the run is in that status.
func waitedCommand(ts *testscript.TestScript, _ bool, args []string) {
	a := theAgent(ts)
	want := args[0] + " " + args[1]
	deadline := time.After(patience.Limit())
	for {
		select {
		case told := <-a.told:
			if told == want {
				return
			}
		case <-deadline:
			ts.Fatalf("nobody asked for %s", want)
		}
	}
}

// exitsCommand is `exits CODE ARGS...`: the program ends with exactly that code. Output goes to stdout and stderr files.
func exitsCommand(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("sallyport", args[1:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("sallyport %s exits with %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// standInKey finds the stand-in in a script's environment.
type standInKey struct{}

func theAgent(ts *testscript.TestScript) *standIn { return ts.Value(standInKey{}).(*standIn) }

// start serves the socket.
func (a *standIn) start() error {
	if err := a.open(); err != nil {
		return err
	}
	server, err := socket.Listen(socket.ServerOptions{
		Socket: a.socket, Reader: a, Operator: a, Log: slog.New(slog.DiscardHandler), Changes: a.next, Version: a.version,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx) }()
	a.quit = func() error {
		cancel()
		return <-done
	}
	return nil
}

// stop is what the end of the process is to an agent.
func (a *standIn) stop() error {
	var errs []error
	if a.quit != nil {
		errs = append(errs, a.quit())
	}
	a.quit = nil
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	a.store = nil
	return errors.Join(errs...)
}

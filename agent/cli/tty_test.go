package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"

	"sallyport/agent/patience"
)

// person is the program at a terminal, in the background of a script.
type person struct {
	cmd *exec.Cmd

	mu    sync.Mutex
	seen  bytes.Buffer
	more  chan struct{} // is closed with each piece
	ended chan error
}

type personKey struct{}

// ttyCommand is `tty COLUMNSxLINES ARGS...`: the program runs at a terminal of that size until it ends, which it must well; what stands on
// the terminal then is in the file tty. `tty & COLUMNSxLINES ARGS...` lets it run on, and `tty end` interrupts it.
func ttyCommand(ts *testscript.TestScript, _ bool, args []string) {
	if args[0] == "end" {
		p := ts.Value(personKey{}).(**person)
		ts.Check((*p).cmd.Process.Signal(os.Interrupt))
		ts.Check((*p).wait())
		ts.Check(os.WriteFile(filepath.Join(ts.Getenv("WORK"), "tty"), (*p).text(), 0o600))
		return
	}
	background := args[0] == "&"
	if background {
		args = args[1:]
	}
	p, err := atTerminal(ts, args[0], args[1:])
	ts.Check(err)
	if background {
		*ts.Value(personKey{}).(**person) = p
		return
	}
	ts.Check(p.wait())
	ts.Check(os.WriteFile(filepath.Join(ts.Getenv("WORK"), "tty"), p.text(), 0o600))
}

// seesCommand is `sees PATTERN`: holds the script until that stands on the terminal.
func seesCommand(ts *testscript.TestScript, _ bool, args []string) {
	p := *ts.Value(personKey{}).(**person)
	want := regexp.MustCompile("(?m)" + args[0])
	deadline := time.After(patience.Limit())
	for {
		p.mu.Lock()
		seen, more := want.Match(bytes.ReplaceAll(p.seen.Bytes(), []byte("\r"), nil)), p.more
		p.mu.Unlock()
		if seen {
			return
		}
		select {
		case <-more:
		case <-deadline:
			ts.Fatalf("never saw %s in\n%s", args[0], p.text())
		}
	}
}

func atTerminal(ts *testscript.TestScript, size string, args []string) (*person, error) {
	var s pty.Winsize
	if _, err := fmt.Sscanf(size, "%dx%d", &s.Cols, &s.Rows); err != nil {
		return nil, err
	}
	p := &person{cmd: exec.Command("sallyport", args...), more: make(chan struct{}), ended: make(chan error, 1)}
	p.cmd.Dir = ts.Getenv("WORK")
	for _, name := range []string{"PATH", "HOME", "WORK", "TERM", "PAGER", "NO_COLOR", "SALLYPORT_CONFIG", "GOCOVERDIR"} {
		if value := ts.Getenv(name); value != "" && value != "unset" {
			p.cmd.Env = append(p.cmd.Env, name+"="+value)
		}
	}
	terminal, err := pty.StartWithSize(p.cmd, &s)
	if err != nil {
		return nil, err
	}
	ts.Defer(func() { _ = p.cmd.Process.Kill(); _ = terminal.Close() })
	go func() {
		for {
			piece := make([]byte, 4096)
			n, err := terminal.Read(piece)
			p.mu.Lock()
			p.seen.Write(piece[:n])
			close(p.more)
			p.more = make(chan struct{})
			p.mu.Unlock()
			if err != nil { // EIO: nobody has the other side open any more
				p.ended <- p.cmd.Wait()
				return
			}
		}
	}()
	return p, nil
}

// wait waits until the program has ended, and everything that it wrote was read.
func (p *person) wait() error {
	select {
	case err := <-p.ended:
		return err
	case <-time.After(patience.Limit()):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT)
		return fmt.Errorf("it does not end: %s", strings.Join(p.cmd.Args, " "))
	}
}

// text is what stands on the terminal, with lines that end as in a file.
func (p *person) text() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.ReplaceAll(bytes.Clone(p.seen.Bytes()), []byte("\r\n"), []byte("\n"))
}

// endsCommand is `ends FILE TEXT`: that is the last line of the file.
func endsCommand(ts *testscript.TestScript, _ bool, args []string) {
	if text := ts.ReadFile(args[0]); !strings.HasSuffix(strings.TrimRight(text, "\n"), args[1]) {
		ts.Fatalf("%s does not end with %q:\n%s", args[0], args[1], text)
	}
}

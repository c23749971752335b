package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"sallyport/agent/repo"
)

// pollerVerb makes this binary a process that does nothing but poll, so that what it uses is what polls cost.
const pollerVerb = "bench-poller"

// usage is what a number of polls took.
type usage struct {
	Wall      time.Duration
	CPU       time.Duration
	Commit    string
	Processes bool // any was started
	Error     string
}

// place says where the repository is.
type place struct{ URL, Dir, CAFile, SSHKeyFile, KnownHostsFile string }

// pollerMain reads the place of the repository and then, line by line, how often to poll.
func pollerMain() int {
	in, out := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	var at place
	err := in.Decode(&at)
	if err == nil {
		var r *repo.Repository
		if r, err = repo.Open(repo.Options{
			Name: "infra", Branch: "main", URL: at.URL, Dir: at.Dir,
			CAFile: at.CAFile, SSHKeyFile: at.SSHKeyFile, KnownHostsFile: at.KnownHostsFile,
		}); err == nil {
			defer r.Close()
			err = answerPolls(r, in, out)
		}
	}
	if err != nil && err != io.EOF {
		_ = out.Encode(usage{Error: err.Error()})
		return 1
	}
	return 0
}

func answerPolls(r *repo.Repository, in *json.Decoder, out *json.Encoder) error {
	for {
		var n int
		if err := in.Decode(&n); err != nil {
			return err
		}
		var u usage
		start, before := time.Now(), used(syscall.RUSAGE_SELF)
		for range n {
			tip, err := r.Poll(context.Background())
			if err != nil {
				return err
			}
			u.Commit = tip.Commit
		}
		u.Wall, u.CPU = time.Since(start), processorTime(used(syscall.RUSAGE_SELF))-processorTime(before)
		u.Processes = used(syscall.RUSAGE_CHILDREN).Maxrss > 0
		if err := out.Encode(u); err != nil {
			return err
		}
	}
}

func used(who int) syscall.Rusage {
	var r syscall.Rusage
	_ = syscall.Getrusage(who, &r) // fails for a bad argument only
	return r
}

func processorTime(r syscall.Rusage) time.Duration {
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// poller is such a process.
type poller struct {
	b   *testing.B
	in  io.WriteCloser
	out *json.Decoder
}

func newPoller(b *testing.B, at place) *poller {
	b.Helper()
	at.Dir = filepath.Join(b.TempDir(), "infra.git")
	exe, err := os.Executable()
	must(b, err)
	cmd := exec.Command(exe, pollerVerb)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(b, err)
	out, err := cmd.StdoutPipe()
	must(b, err)
	must(b, cmd.Start())
	b.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			b.Errorf("the process that polls: %v", err)
		}
	})
	must(b, json.NewEncoder(in).Encode(at))
	return &poller{b: b, in: in, out: json.NewDecoder(out)}
}

// poll polls n times.
func (p *poller) poll(n int, want string) usage {
	p.b.Helper()
	_, err := fmt.Fprintln(p.in, n)
	must(p.b, err)
	var u usage
	must(p.b, p.out.Decode(&u))
	switch {
	case u.Error != "":
		p.b.Fatal(u.Error)
	case u.Commit != want:
		p.b.Fatalf("the poll found %q instead of %q", u.Commit, want)
	case u.Processes:
		p.b.Error("polling started a process")
	}
	return u
}
